import {
  BehaviorSubject,
  catchError,
  defaultIfEmpty,
  defer,
  distinctUntilChanged,
  EMPTY,
  filter,
  map,
  merge,
  type MonoTypeOperatorFunction,
  type Observable,
  type SchedulerLike,
  Subject,
  takeUntil,
  tap,
} from 'rxjs';
import { instanceKey, localAddress, ServiceUrl } from '../../dubbo/index.js';
import { InvalidConfigError, InvalidOptionError } from '../../errors.js';
import type { InstanceSet } from '../../instances/index.js';
import { keyChanges } from '../../internal/keyChanges.js';
import { mergeKeys } from '../../internal/mergeKeys.js';
import { milliseconds, optionalFunction, optionsObject } from '../../internal/options.js';
import { drive } from '../../operators/drive.js';
import type { ConfigSource } from '../configSource.js';
import { lastGood } from '../formats/lastGood.js';
import { parseYaml } from '../formats/parseYaml.js';
import { type GovernedService, governanceKey } from '../governanceKey.js';
import { type OnInvalidConfig, reporter } from '../invalidConfig.js';
import { type DocumentPlace, readConfigurators } from './configurators.js';
import { NODES, Overrider, type OverriderInput } from './overrider.js';
import { overrideRule } from './overrideUrl.js';
import { inOrder, type OverrideRule } from './rule.js';

/** Whose rules {@link applyOverrides} applies, and how. */
export interface ApplyOverridesOptions {
  /** The consumer's application: rules for it are followed, and it is what rules for some applications look at. */
  readonly application?: string | undefined;
  /** The consumer's host, which rules may name. @defaultValue the address under which others probably reach this host */
  readonly host?: string | undefined;
  /** A service whose rules are followed from the start and for good, and not only while it has instances. */
  readonly service?: GovernedService | undefined;
  /** The rules that are nodes of the registry: `registry.instances` of the category `configurators`. @defaultValue none */
  readonly overrides?: Observable<Iterable<ServiceUrl>> | undefined;
  /**
   * How long an instance is held back at most until its rules are known, in milliseconds; 0 for not at all.
   * @defaultValue 1000
   */
  readonly waitMs?: number | undefined;
  /** Told of every document, config and node that cannot be used, once; without it, the debug log is. */
  readonly onInvalid?: OnInvalidConfig | undefined;
  /** Measures the wait. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/**
 * Applies Dubbo's override rules to instances: what an admin console sets, such as a weight, a timeout, or that an instance shall
 * get no calls.
 *
 * ```text
 *  sets                     --ab--------------aBc-------------
 *  rules                    ----------------------------------
 *    for this service       -------b:5-----------------none---
 *  applyOverrides(config)   --ab---ab'--------aB'c-----aBc----    b': b with weight 5
 * ```
 *
 * An instance is under the rules of its service (`<interface>:<version>:<group>.configurators`), of its own application and of
 * the consumer's (`<application>.configurators`), and under those that are nodes of the registry. They apply as in Dubbo, the
 * last one wins: nodes, applications, service; among those of one place, rules for any host before those for one. First the rules
 * for the provider's side, in case it does not obey them itself, then those for the consumer's. A rule never changes who an
 * instance is. What ends with `disabled=true` is not told, and what a provider switched off itself can only be switched on by a
 * rule (`disabled=false`) if the query tells of it: `enabled: '*'`. An instance that no rule changes is the object of the source, so that
 * what a rule did is gone with the rule.
 *
 * A document that cannot be read is reported, and the last good one of its key stays in force; a config or node that cannot be
 * read is reported and left out, the others apply.
 *
 * Emits for every set of the source and for every rule that changes what is told, the first one always. An instance is held back
 * until the rules it is under are known, so that one that is disabled gets no calls at start; but at most `waitMs`: if the
 * configuration centre does not answer, traffic goes on without rules until it does. In an outage, known rules stay in force. If
 * it refuses us for good, that is reported, and the instances go on.
 *
 * One instance costs as much as there are rules for it, however many instances there are; a rule, as much as there are instances
 * under it. Put it first, so that what follows sees what the rules say. Cold if the source is; completes and errors with it.
 * Unsubscribing lets all rules go.
 *
 * Source: Dubbo's `ConfigParser`, `AbstractConfigurator` and `Configurator`.
 *
 * @param config - The configuration centre.
 * @throws InvalidOptionError if `application`, `host` or `service` cannot be one, or `waitMs` is no number of milliseconds.
 *
 * @example
 * ```ts
 * const query = { interface: 'com.acme.Users', version: '1.0.0' };
 * const picker = registry.instances(query).pipe(
 *   applyOverrides(config, {
 *     application: 'shop',
 *     overrides: registry.instances({ ...query, category: 'configurators' }),
 *     onInvalid: (error) => log.warn(error.message),
 *   }),
 *   balance(smoothWeightedRoundRobin()),
 * );
 * ```
 */
export function applyOverrides(
  config: ConfigSource,
  options: ApplyOverridesOptions = {},
): MonoTypeOperatorFunction<InstanceSet> {
  const { application, host = localAddress(), service, overrides, scheduler } = optionsObject(options);
  if (typeof host !== 'string' || host === '') throw new InvalidOptionError('host', 'a host', host);
  const waitMs = milliseconds('waitMs', options.waitMs, 1_000);
  const report = reporter(optionalFunction('onInvalid', options.onInvalid));
  const everywhere = [
    ...(overrides ? [NODES] : []),
    ...(application === undefined ? [] : [governanceKey('configurators', { application })]),
  ];
  const pinned = [...everywhere, ...(service ? [governanceKey('configurators', service)] : [])];
  const placesOf = (instance: ServiceUrl): readonly string[] => [
    ...new Set([...everywhere, ...keysFor({ application: instance.parameter('application') }), ...keysFor(instance)]),
  ];
  const rulesOf = (place: string): Observable<readonly OverrideRule[]> =>
    (place === NODES ? rulesOfNodes(overrides ?? EMPTY, report) : rulesOfDocument(config, place, report)).pipe(
      catchError((error: unknown) => {
        const reason = `it cannot be followed: ${error instanceof Error ? error.message : String(error)}`;
        report(new InvalidConfigError(place === NODES ? 'overrides' : place, reason, { cause: error }));
        return EMPTY;
      }),
      // Who never says anything has no rules, and keeps nobody waiting.
      defaultIfEmpty([]),
    );

  return (source) =>
    defer(() => {
      const places = new BehaviorSubject<ReadonlySet<string>>(new Set(pinned));
      const ended = new Subject<void>();
      const rules = places.pipe(
        distinctUntilChanged(),
        keyChanges(),
        mergeKeys(rulesOf),
        filter((event) => event.type === 'value'),
        map(({ key: place, value }): OverriderInput => ({ type: 'rules', place, rules: value })),
        takeUntil(ended),
      );
      const sets = source.pipe(
        map((instances): OverriderInput => ({ type: 'instances', instances })),
        tap({ complete: () => ended.next() }),
      );
      return merge(rules, sets).pipe(
        drive(() => new Overrider({ consumer: { application, host }, placesOf, pinned, waitMs }), {
          scheduler,
          tell: (machine) => places.next(machine.places),
          setOf: (input) => (input.type === 'instances' ? input.instances : undefined),
        }),
      );
    });
}

/** The key for what an instance says it is; none where that cannot stand in a key, for then there can be no rule. */
function keysFor(target: { readonly application: string | undefined } | ServiceUrl): string[] {
  try {
    if (target instanceof ServiceUrl) return [governanceKey('configurators', target)];
    return target.application ? [governanceKey('configurators', { application: target.application })] : [];
  } catch {
    return [];
  }
}

function rulesOfDocument(
  config: ConfigSource,
  key: string,
  report: OnInvalidConfig,
): Observable<readonly OverrideRule[]> {
  return defer(() => config.watch(key)).pipe(
    lastGood({
      parse: parseYaml,
      accept: (document): readonly OverrideRule[] => {
        const { rules, problems } = readConfigurators(document, placeOf(key));
        for (const problem of problems) report(new InvalidConfigError(key, problem));
        return rules;
      },
      absent: [],
      report,
    }),
  );
}

/** What a key of configurators is for, see `governanceKey`. */
function placeOf(key: string): DocumentPlace {
  const target = key.slice(0, -'.configurators'.length);
  const [name = '', version = '', group, ...rest] = target.split(':');
  return group === undefined || rest.length > 0 ? { application: target } : { interface: name, version, group };
}

function rulesOfNodes(
  overrides: Observable<Iterable<ServiceUrl>>,
  report: OnInvalidConfig,
): Observable<readonly OverrideRule[]> {
  return defer(() => {
    const known = new WeakMap<ServiceUrl, OverrideRule | undefined>();
    const read = (node: ServiceUrl): OverrideRule | undefined => {
      if (known.has(node)) return known.get(node);
      let rule: OverrideRule | undefined;
      try {
        rule = overrideRule(node);
      } catch (error) {
        report(new InvalidConfigError(instanceKey(node), error instanceof Error ? error.message : String(error)));
      }
      known.set(node, rule);
      return rule;
    };
    return overrides.pipe(
      // The registry lists nodes in no order, and every consumer shall come to the same.
      map((nodes) =>
        inOrder(
          Array.from(nodes, (node) => ({ node, text: String(node) }))
            .sort((a, b) => (a.text < b.text ? -1 : 1))
            .flatMap(({ node }) => read(node) ?? []),
        ),
      ),
    );
  });
}
