import type { Message, ServiceRow } from '../messages.js';
import { byId, draw, make, mark, write } from './dom.js';
import {
  fragmentOf,
  hueOf,
  type InstanceRow,
  isFound,
  MARK_MS,
  PageModel,
  pointsOf,
  stretchesOf,
  type View,
  viewOf,
} from './model.js';
import { Table } from './table.js';
import { drawMap, instancesTable, SERVICES } from './views.js';

/** How much of the history of the connection is shown. */
const BAND_MS = 30 * 60_000;
/** How often what depends on the time alone is drawn again. */
const TICK_MS = 1_000;

const model = new PageModel();
const heading = byId('heading');
const filter = byId('filter') as HTMLInputElement;
const state = { mostWeight: 100, now: Date.now() };
let view: View = { name: 'overview', filter: '' };
let source: EventSource | undefined;
let isOffline = false;
let isPlanned = false;
let table: { show: () => void } = { show: () => undefined };

function openView(): void {
  const next = viewOf(location.hash);
  const isSame = next.name === view.name && next.service === view.service && source !== undefined;
  view = next;
  if (document.activeElement !== filter) filter.value = view.filter;
  if (!isSame) {
    byId('table').hidden = view.name === 'map';
    byId('map').hidden = view.name !== 'map';
    mark(byId('to-overview'), 'aria-current', view.name === 'overview' ? 'page' : undefined);
    mark(byId('to-map'), 'aria-current', view.name === 'map' ? 'page' : undefined);
    table = view.name === 'service' ? instances() : services();
    connect();
    heading.focus();
  }
  plan();
}

function services(): { show: () => void } {
  const all = new Table<ServiceRow>(byId('table'), SERVICES);
  return {
    show: () => {
      const found = [...model.services.values()].filter(({ service, applications }) =>
        isFound(`${service} ${applications.join(' ')}`, view.filter),
      );
      all.show(found.sort((a, b) => (a.service < b.service ? -1 : 1)));
    },
  };
}

function instances(): { show: () => void } {
  const all = new Table<InstanceRow>(byId('table'), instancesTable(state));
  return {
    show: () => {
      const rows = model.rows;
      state.mostWeight = rows.reduce((most, { view: { weight = 0 } }) => Math.max(most, weight), 1);
      all.show(view.filter ? rows.filter((row) => isFound(searched(row), view.filter)) : rows);
    },
  };
}

function searched({ view: { address, zone = '', group = '', version = '', application = '' } }: InstanceRow): string {
  return `${address} ${zone} ${group} ${version} ${application}`;
}

function connect(): void {
  source?.close();
  const query = view.service === undefined ? '' : `?service=${encodeURIComponent(view.service)}`;
  source = new EventSource(`${location.pathname.replace(/\/$/, '')}/events${query}`);
  source.onopen = () => setOffline(false);
  source.onerror = () => setOffline(true);
  source.onmessage = ({ data }: MessageEvent<string>) => {
    model.apply(JSON.parse(data) as Message, Date.now());
    plan();
  };
}

function setOffline(offline: boolean): void {
  isOffline = offline;
  plan();
}

/** Draws with the next frame, once for all that came before it. */
function plan(): void {
  if (isPlanned) return;
  isPlanned = true;
  requestAnimationFrame(() => {
    isPlanned = false;
    show();
  });
}

function show(): void {
  const now = Date.now();
  state.now = now + model.clockAheadMs;
  if (model.settle(now)) setTimeout(plan, MARK_MS);
  showConnection();
  showFacts();
  if (view.name === 'map') drawMap(byId('map'), model.services.values());
  else table.show();
  showEvents();
}

function showConnection(): void {
  write(byId('title'), model.title);
  const last = model.connection.at(-1);
  const status = byId('status');
  const known = isOffline ? 'offline' : (last?.status ?? 'connecting');
  write(status, isOffline ? 'the dashboard does not answer' : known);
  mark(status, 'data-status', known);
  mark(status, 'title', last?.cause);
  const band = byId('band');
  const stretches = stretchesOf(model.connection, state.now, BAND_MS);
  const segments = stretches.map(({ status: was, share, from }, at) => {
    const segment = (band.children[at] as HTMLElement | undefined) ?? band.appendChild(make('i'));
    segment.style.flex = `${share} 1 0`;
    mark(segment, 'data-status', was);
    mark(segment, 'title', `${was} since ${CLOCK.format(from)}`);
    return segment;
  });
  for (const extra of [...band.children].slice(segments.length)) extra.remove();
}

function showFacts(): void {
  const facts = byId('facts');
  const zones = new Map<string, number>();
  if (view.name === 'service') {
    const row = model.services.get(view.service!);
    write(heading, view.service!);
    for (const [zone, count] of Object.entries(row?.zones ?? {})) zones.set(zone, count);
    const spark = draw('svg', { class: 'spark', viewBox: '0 0 200 36', preserveAspectRatio: 'none' });
    spark.append(draw('polyline', { points: pointsOf(row?.sizes ?? [], 200, 36) }));
    facts.replaceChildren(
      fact(row?.providers ?? 0, 'providers'),
      fact(row?.consumers ?? 0, 'consumers'),
      fact(row?.changes ?? 0, 'changes'),
      ...zoneKeys(zones),
      spark,
    );
    return;
  }
  write(heading, view.name === 'map' ? 'Who calls whom' : 'Services');
  const rows = [...model.services.values()];
  const sum = (count: (row: ServiceRow) => number): number => rows.reduce((total, row) => total + count(row), 0);
  for (const row of rows) {
    for (const [zone, count] of Object.entries(row.zones)) zones.set(zone, (zones.get(zone) ?? 0) + count);
  }
  const empty = rows.filter(({ providers }) => providers === 0).length;
  const warnings = empty > 0 ? [make('span', 'empty', `${empty} without provider`)] : [];
  facts.replaceChildren(
    fact(rows.length, 'services'),
    fact(
      sum(({ providers }) => providers),
      'providers',
    ),
    fact(
      sum(({ consumers }) => consumers),
      'consumers',
    ),
    ...zoneKeys(zones),
    ...warnings,
  );
}

function fact(count: number, what: string): HTMLElement {
  return make('span', '', make('b', '', String(count)), ` ${what}`);
}

/** At most so many zones have a key of their own. */
const MOST_ZONES = 12;

function zoneKeys(zones: ReadonlyMap<string, number>): HTMLElement[] {
  return [...zones]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, MOST_ZONES)
    .map(([zone, count]) => {
      const key = make('span', 'zone', `${zone || 'no zone'} ${count}`);
      key.style.setProperty('--hue', String(hueOf(zone)));
      return key;
    });
}

/** So many events are shown. */
const MOST_SHOWN = 60;

/** What the lists of events and warnings were made of. */
let listed: readonly unknown[] = [];

function showEvents(): void {
  const lists = [model.log, model.warnings, view.service];
  if (lists.every((each, at) => each === listed[at])) return;
  listed = lists;
  const entries = view.service === undefined ? model.log : model.log.filter(({ service }) => service === view.service);
  const shown = entries.slice(-MOST_SHOWN).reverse();
  byId('log').replaceChildren(
    ...shown.map(({ at, type, address, service, application, category, changes = [] }) => {
      const what = changes.map(({ name, before = 'none', after = 'none' }) => ` ${name}: ${before} → ${after}`);
      const who = `${address}${application ? ` (${application})` : ''}`;
      return make(
        'li',
        '',
        timeOf(at),
        make('b', type, type),
        ` ${category === 'providers' ? '' : 'consumer '}${who}${what.join(',')} `,
        ...(view.service === undefined ? [make('span', 'quiet', service)] : []),
      );
    }),
    ...(shown.length === 0 ? [make('li', 'quiet', 'Nothing has happened yet.')] : []),
  );
  const warnings = model.warnings.slice(-MOST_SHOWN).reverse();
  byId('warnings').replaceChildren(
    ...warnings.map(({ at, code, message }) => make('li', '', timeOf(at), make('b', 'update', code), ` ${message}`)),
    ...(warnings.length === 0 ? [make('li', 'quiet', 'None.')] : []),
  );
}

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

function timeOf(at: number): HTMLElement {
  const time = make('time', '', CLOCK.format(at));
  time.setAttribute('datetime', new Date(at).toISOString());
  return time;
}

const THEMES = ['', 'dark', 'light'];

function setTheme(theme: string): void {
  mark(document.documentElement, 'data-theme', theme || undefined);
  try {
    localStorage.setItem('theme', theme);
  } catch {
    // Where nothing can be stored, it lasts as long as the page.
  }
}

function storedTheme(): string {
  try {
    return localStorage.getItem('theme') ?? '';
  } catch {
    return '';
  }
}

setTheme(THEMES.includes(storedTheme()) ? storedTheme() : '');
byId('theme').onclick = () => {
  const now = document.documentElement.getAttribute('data-theme') ?? '';
  setTheme(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]!);
};
filter.oninput = () => {
  view = { ...view, filter: filter.value };
  history.replaceState(null, '', fragmentOf(view));
  plan();
};
document.onkeydown = (event) => {
  if (event.key === '/' && document.activeElement !== filter) {
    event.preventDefault();
    filter.focus();
  } else if (event.key === 'Escape' && document.activeElement === filter) byId('table').focus();
  else if (event.key === 'Escape' && view.name !== 'overview') location.hash = '#/';
};
window.onhashchange = openView;
window.onresize = plan;
setInterval(plan, TICK_MS);
openView();
