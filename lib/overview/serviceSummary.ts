import type { ServiceUrl } from '../dubbo/index.js';

/** Who provides and who consumes one interface. */
export interface ServiceSummary {
  readonly service: string;
  readonly providers: number;
  readonly consumers: number;
  /** The groups and versions of the providers, sorted; `''` stands for none. */
  readonly groups: readonly string[];
  readonly versions: readonly string[];
  /** The applications of the providers, sorted. */
  readonly applications: readonly string[];
}

/** Summaries of all services that the instances are of, sorted by name. */
export function summarize(instances: Iterable<ServiceUrl>): ServiceSummary[] {
  const byService = new Map<string, ServiceUrl[]>();
  for (const instance of instances) {
    const ofService = byService.get(instance.interface);
    if (ofService) ofService.push(instance);
    else byService.set(instance.interface, [instance]);
  }
  return [...byService]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([service, all]) => {
      const providers = all.filter(({ category }) => category === 'providers');
      return {
        service,
        providers: providers.length,
        consumers: all.filter(({ category }) => category === 'consumers').length,
        groups: sorted(providers.map(({ group = '' }) => group)),
        versions: sorted(providers.map(({ version = '' }) => version)),
        applications: sorted(providers.flatMap((provider) => provider.parameter('application') || [])),
      };
    });
}

function sorted(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
