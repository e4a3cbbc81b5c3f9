/** The kinds of servers, as they are called in the file and in the page. */
export type ServerName = 'etcd' | 'ZooKeeper';

/** How many specs of a suite passed and failed. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

/** By the name of the suite: `outages` is `spec/integration/…/outages-spec.ts`, `faults` the fault matrix. */
export type Outcomes = Readonly<Record<string, Outcome>>;

/** What was run on a version, the last time that each suite was run whole. */
export interface TestedVersion {
  readonly origin: string;
  readonly suites: Outcomes;
}

/** What `docs/versions.json` holds, by kind and by version, oldest first. */
export type Versions = Readonly<Record<ServerName, Readonly<Record<string, TestedVersion>>>>;

/** Before anything was tested. */
export const NO_VERSIONS: Versions = { etcd: {}, ZooKeeper: {} };

/** The outcomes of one run are added to those of earlier ones, or replace them. */
export function addOutcomes(
  versions: Versions,
  server: { readonly name: ServerName; readonly version: string; readonly origin: string },
  outcomes: Outcomes,
): Versions {
  const { name, version, origin } = server;
  const suites = { ...versions[name][version]?.suites, ...outcomes };
  const tested = { ...versions[name], [version]: { origin, suites: sorted(suites, compareText) } };
  return { ...versions, [name]: sorted(tested, compareVersions) };
}

/** Numerically: 3.10.0 comes after 3.9.0. */
export function compareVersions(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : 1;
}

function sorted<T>(record: Readonly<Record<string, T>>, compare: (one: string, other: string) => number) {
  return Object.fromEntries(Object.entries(record).sort(([one], [other]) => compare(one, other)));
}
