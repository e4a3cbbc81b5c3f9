# Functions for the scripts of this folder, which name the checks that failed, and end with the line `N passed, N failed`.

passed=0
failed=0
failures=()

# check NAME COMMAND...: runs it, and counts it.
check() {
  local name=$1
  shift
  printf '\n=== %s\n' "$name"
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    failures+=("$name")
    printf -- '--- %s failed\n' "$name"
  fi
}

# count_specs REPORT NAME: counts the specs in a JSON report of vitest.
count_specs() {
  local specs_passed='' specs_failed='' name
  {
    read -r specs_passed specs_failed
    while read -r name; do failures+=("$2: $name"); done
  } < <(node .ci/specs.mjs "$1")
  if [ -n "$specs_failed" ]; then
    passed=$((passed + specs_passed))
    failed=$((failed + specs_failed))
  else
    failed=$((failed + 1))
    failures+=("$2: left no report")
  fi
}

# count_cells OUTPUT NAME: counts the cells in the output of the fault matrix.
count_cells() {
  local held='' not_held='' name
  read -r held not_held < <(sed -n 's/^\([0-9]*\) cells held, \([0-9]*\) failed$/\1 \2/p' "$1" | tail -n 1)
  while read -r name; do failures+=("$2: $name"); done < <(
    # The name of a fault stands above its cells.
    awk '/^(etcd|zookeeper): / { fault = $0 } /^  FAILED/ { print fault ":" substr($0, 9) }' "$1"
  )
  if [ -n "$not_held" ]; then
    passed=$((passed + held))
    failed=$((failed + not_held))
  else
    failed=$((failed + 1))
    failures+=("$2: left no report")
  fi
}

finish() {
  if [ "$failed" -gt 0 ]; then
    printf '\nFailed:\n'
    printf -- '- %s\n' "${failures[@]}"
  fi
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
  exit
}
