import type { ServiceRow } from '../messages.js';
import { draw, make, mark, write } from './dom.js';
import { ageOf, fragmentOf, hueOf, type InstanceRow, MARK_MS, pointsOf } from './model.js';
import type { TableOptions } from './table.js';

/** The table of all services. */
export const SERVICES: TableOptions<ServiceRow> = {
  columns: [
    { title: 'Service', width: 'minmax(200px, 3fr)' },
    { title: 'Providers', width: '70px', isNumber: true },
    { title: 'Consumers', width: '76px', isNumber: true },
    { title: 'Zones', width: 'minmax(80px, 1fr)' },
    { title: 'Over time', width: 'minmax(90px, 1fr)' },
    { title: 'Changes', width: '64px', isNumber: true },
    { title: 'Versions', width: 'minmax(60px, 1fr)' },
  ],
  keyOf: ({ service }) => service,
  make: ({ service }) => {
    const link = make('a', '', service);
    link.setAttribute('href', fragmentOf({ name: 'service', service, filter: '' }));
    link.title = service;
    const spark = draw('svg', { class: 'spark', viewBox: '0 0 100 22', preserveAspectRatio: 'none' });
    spark.append(draw('polyline', {}));
    const chart = make('span', '', spark);
    return [
      make('span', '', link),
      make('span'),
      make('span'),
      make('span', '', make('span', 'stack')),
      chart,
      make('span'),
      make('span'),
    ];
  },
  fill: (_row, [, providers, consumers, zones, chart, changes, versions], service) => {
    write(providers!, String(service.providers));
    providers!.classList.toggle('empty', service.providers === 0);
    write(consumers!, String(service.consumers));
    stack(zones!.firstElementChild as HTMLElement, service.zones);
    const line = chart!.querySelector('polyline')!;
    mark(line, 'points', pointsOf(service.sizes, 100, 22));
    mark(chart!, 'title', service.sizes.join(' → '));
    write(changes!, String(service.changes));
    write(versions!, service.versions.filter(Boolean).join(', '));
  },
  onEnter: ({ service }) => (location.hash = fragmentOf({ name: 'service', service, filter: '' })),
};

/** One segment for each zone, as wide as it has providers. */
function stack(host: HTMLElement, zones: Readonly<Record<string, number>>): void {
  const names = Object.keys(zones).sort();
  const known = [...host.children] as HTMLElement[];
  for (const [at, name] of names.entries()) {
    const segment = known[at] ?? make('i');
    segment.style.setProperty('--hue', String(hueOf(name)));
    segment.style.flexGrow = String(zones[name]);
    segment.title = `${name || 'no zone'}: ${zones[name]}`;
    if (!known[at]) host.append(segment);
  }
  for (const extra of known.slice(names.length)) extra.remove();
  mark(host, 'aria-label', names.map((name) => `${name || 'no zone'} ${zones[name]}`).join(', '));
}

/** What the table of instances needs beside the instances. */
export interface InstancesState {
  /** The largest weight: its bar is as wide as the column. */
  mostWeight: number;
  /** The clock of the server. */
  now: number;
}

/** The table of the instances of one service. */
export function instancesTable(state: InstancesState): TableOptions<InstanceRow> {
  return {
    columns: [
      { title: 'Address', width: 'minmax(184px, 1.6fr)' },
      { title: 'Weight', width: 'minmax(130px, 2fr)' },
      { title: 'Zone', width: 'minmax(60px, 0.8fr)' },
      { title: 'Group', width: 'minmax(40px, 0.6fr)' },
      { title: 'Version', width: 'minmax(50px, 0.6fr)' },
      { title: 'Application', width: 'minmax(80px, 1fr)' },
      { title: 'Age', width: '60px', isNumber: true },
    ],
    keyOf: ({ view }) => view.key,
    make: ({ view }) => {
      const weight = make('span', 'weight', make('b'), make('span', 'track', make('span', 'fill')));
      const fill = weight.querySelector('.fill') as HTMLElement;
      fill.style.display = 'block';
      const zone = make('span', 'zone');
      for (const element of [fill, zone]) element.style.setProperty('--hue', String(hueOf(view.zone ?? '')));
      return [make('span'), weight, zone, make('span'), make('span'), make('span'), make('span')];
    },
    fill: (row, cells, { view, mark: { type, at } = { type: undefined, at: 0 } }) => {
      const [address, weight, zone, group, version, application, age] = cells;
      mark(row, 'data-mark', Date.now() - at < MARK_MS ? type : undefined);
      mark(row, 'data-off', view.off ? '' : undefined);
      const isProvider = view.category === 'providers';
      write(address!, `${isProvider ? view.protocol : 'consumer'}://${view.address}`);
      mark(address!, 'title', address!.textContent ?? '');
      write(weight!.firstElementChild!, isProvider ? (view.off ? 'off' : String(view.weight)) : '');
      const track = weight!.lastElementChild as HTMLElement;
      track.style.visibility = isProvider ? 'visible' : 'hidden';
      (track.firstElementChild as HTMLElement).style.width =
        `${view.off ? 0 : (100 * (view.weight ?? 0)) / state.mostWeight}%`;
      write(zone!, view.zone ?? '');
      zone!.style.visibility = isProvider ? 'visible' : 'hidden';
      write(group!, view.group ?? '');
      write(version!, view.version ?? '');
      write(application!, view.application ?? '');
      write(age!, ageOf(view.since, state.now));
    },
  };
}

const LINE_PX = 30;
const WIDTH = 720;

/** Which applications consume which, as lines from left to right; services are the reasons. */
export function drawMap(host: HTMLElement, services: Iterable<ServiceRow>): void {
  const reasons = new Map<string, { from: string; to: string; services: string[] }>();
  for (const { service, applications, consumedBy } of services) {
    for (const from of consumedBy) {
      for (const to of applications) {
        const key = JSON.stringify([from, to]);
        const known = reasons.get(key) ?? { from, to, services: [] };
        known.services.push(service);
        reasons.set(key, known);
      }
    }
  }
  const edges = [...reasons.values()];
  const left = [...new Set(edges.map(({ from }) => from))].sort();
  const right = [...new Set(edges.map(({ to }) => to))].sort();
  const height = LINE_PX * (Math.max(left.length, right.length, 1) + 1);
  const svg = draw('svg', {
    viewBox: `0 0 ${WIDTH} ${height}`,
    role: 'img',
    'aria-label': 'Applications and whom they call',
  });
  const yOf = (list: readonly string[], name: string): number => LINE_PX * (list.indexOf(name) + 1);
  for (const { from, to, services: names } of edges) {
    const [y1, y2] = [yOf(left, from), yOf(right, to)];
    const path = draw('path', {
      d: `M220 ${y1}C360 ${y1} 360 ${y2} 500 ${y2}`,
      'stroke-width': Math.min(6, names.length),
    });
    const title = draw('title', {});
    title.textContent = `${from} calls ${to}: ${names.join(', ')}`;
    path.append(title);
    svg.append(path);
  }
  const label = (list: readonly string[], x: number, anchor: string, dot: number): void => {
    for (const name of list) {
      const y = yOf(list, name);
      const text = draw('text', { x, y: y + 4, 'text-anchor': anchor });
      text.textContent = name;
      svg.append(draw('circle', { cx: dot, cy: y, r: 4 }), text);
    }
  };
  label(left, 208, 'end', 220);
  label(right, 512, 'start', 500);
  host.replaceChildren(edges.length === 0 ? make('p', 'quiet', 'No consumer says its application.') : svg);
}
