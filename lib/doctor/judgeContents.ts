import { instanceKey, type ServiceUrl } from '../dubbo/index.js';
import { redact } from '../internal/redact.js';
import type { FindingId, Spot } from './finding.js';
import type { InspectedDirectory, InspectedNode } from './nodes.js';

/** By what contents are judged. */
export interface ContentRules {
  readonly nowMs: number;
  /** How many bytes of names in one directory are too many for others; `undefined` where there is no limit. */
  readonly largeDirectoryBytes: number | undefined;
}

/** Clocks that differ by less are taken for right. */
const CLOCK_SLACK_MS = 60_000;

/** What is wrong with the providers and consumers that are registered. */
export function judgeContents(directories: readonly InspectedDirectory[], rules: ContentRules): Spot[] {
  return [
    ...directories.flatMap((directory) => judgeDirectory(directory, rules)),
    ...directories.flatMap(({ nodes }) => nodes.flatMap((node) => judgeNode(node, rules))),
    ...withoutProvider(directories),
  ];
}

function judgeDirectory(directory: InspectedDirectory, { largeDirectoryBytes = Infinity }: ContentRules): Spot[] {
  const { path, nodes, bytes } = directory;
  const byKey = new Map<string, InspectedNode[]>();
  for (const node of nodes) {
    if (!node.url) continue;
    const key = instanceKey(node.url);
    byKey.set(key, [...(byKey.get(key) ?? []), node]);
  }
  const duplicates = [...byKey.values()].filter((same) => same.length > 1);
  return [
    ...(bytes > largeDirectoryBytes
      ? [spot('DIRECTORY_TOO_LARGE', redact(path), `${nodes.length} names of ${bytes} bytes`)]
      : []),
    ...duplicates.map((same) => {
      const pids = same.map(
        ({ url, owner }) => `pid ${url!.parameter('pid') ?? 'unknown'} of session ${owner ?? 'none'}`,
      );
      return spot('DUPLICATE_INSTANCE', shown(same[0]!.url!), pids.join(', '));
    }),
  ];
}

function judgeNode({ path, url, owner }: InspectedNode, { nowMs }: ContentRules): Spot[] {
  if (!url) return [spot('UNREADABLE_NODE', redact(path))];
  const spots: Spot[] = [];
  const isProvider = url.category === 'providers';
  const weight = url.parameter('weight');
  if (isProvider && weight) {
    if (!/^[+-]?\d+$/.test(weight)) spots.push(spot('WEIGHT_UNREADABLE', shown(url), weight));
    else if (Number(weight) <= 0) spots.push(spot('WEIGHT_ZERO', shown(url)));
  }
  if (!url.parameter('application')) spots.push(spot('APPLICATION_MISSING', shown(url)));
  const timestamp = Number(url.parameter('timestamp') || NaN);
  if (timestamp > nowMs + CLOCK_SLACK_MS) {
    spots.push(spot('TIMESTAMP_IN_FUTURE', shown(url), `${Math.round((timestamp - nowMs) / 1_000)} s ahead`));
  }
  if (isProvider && owner === null && url.parameter('dynamic') !== 'false') {
    spots.push(spot('PERSISTENT_PROVIDER', shown(url)));
  }
  return spots;
}

function withoutProvider(directories: readonly InspectedDirectory[]): Spot[] {
  const readable = ({ nodes }: InspectedDirectory): boolean => nodes.some(({ url }) => url !== undefined);
  const provided = new Set(
    directories.filter((each) => each.category === 'providers' && readable(each)).map(({ service }) => service),
  );
  return directories
    .filter((each) => each.category === 'consumers' && readable(each) && !provided.has(each.service))
    .map(({ service, nodes }) => spot('NO_PROVIDER', service, `${nodes.length} consumers`));
}

/** A URL as it is told from others, without what only makes it long. */
function shown(url: ServiceUrl): string {
  return `${url.protocol}://${url.address}/${url.serviceKey}`;
}

function spot(id: FindingId, where: string, detail?: string): Spot {
  return { id, where, ...(detail !== undefined && { detail }) };
}
