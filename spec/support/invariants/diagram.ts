import type { HistoryEvent } from './history.js';

const WIDTH = 150;
const STATES = {
  connecting: ['k', ' '],
  connected: ['c', '='],
  suspended: ['s', '.'],
  lost: ['l', ' '],
  closed: ['|', ' '],
} as const;

interface Mark {
  readonly atMs: number;
  readonly text: string;
  /** What the row is filled with from here on. */
  readonly fill: string;
}

interface Row {
  readonly label: string;
  readonly marks: Mark[];
}

/**
 * Draws a history as a marble diagram: a column for each moment at which anything happened, a row for each node of the server,
 * and for what befell and was told to each client.
 *
 * @param history - What happened.
 * @param flaws - What is wrong with it, drawn in a row of its own.
 */
export function diagram(history: readonly HistoryEvent[], flaws: readonly { readonly atMs: number }[] = []): string {
  const drawn = rowsOf(history).filter(({ marks }) => marks.length > 0);
  const times = [...new Set(drawn.flatMap(({ marks }) => marks.map(({ atMs }) => atMs)))].sort((a, b) => a - b);
  const flawed = new Set(flaws.map((flaw) => times.findLast((atMs) => atMs <= flaw.atMs) ?? 0));
  const rows = [{ label: 'FLAW', marks: [...flawed].map((atMs) => ({ atMs, text: '^', fill: ' ' })) }, ...drawn];
  const labelWidth = Math.max(...rows.map(({ label }) => label.length)) + 2;
  const cells = rows.map(({ marks }) => times.map((time) => marks.filter(({ atMs }) => atMs === time)));
  const heads = times.map((time) => String(Math.round(time * 10) / 10));
  const widths = times.map(
    (_, column) => Math.max(heads[column]!.length, ...cells.map((row) => textOf(row[column]!).length)) + 1,
  );

  const lines: string[] = [];
  for (let from = 0; from < times.length;) {
    let to = from;
    for (let width = labelWidth; to < times.length && (to === from || width + widths[to]! <= WIDTH); to += 1)
      width += widths[to]!;
    lines.push(
      'ms'.padEnd(labelWidth) +
        heads
          .slice(from, to)
          .map((head, index) => head.padEnd(widths[from + index]!))
          .join(''),
    );
    rows.forEach((row, index) => {
      const start = cells[index]!.slice(0, from).flat().at(-1)?.fill ?? ' ';
      let fill = start;
      let line = '';
      for (let column = from; column < to; column += 1) {
        const cell = cells[index]![column]!;
        const text = textOf(cell);
        line += text === '' ? fill.repeat(widths[column]!) : '';
        if (text === '') continue;
        fill = cell.at(-1)!.fill;
        line += text + fill.repeat(widths[column]! - text.length);
      }
      if (line.trim() !== '') lines.push((row.label.padEnd(labelWidth) + line).trimEnd());
    });
    lines.push('');
    from = to;
  }
  return [...lines, ...legend(history)].join('\n');
}

/** Puts the diagram's short names where a text has paths. */
export function withNames(text: string, history: readonly HistoryEvent[]): string {
  const paths = [...namesOf(history)].filter(([path]) => path.startsWith('/')).sort(([a], [b]) => b.length - a.length);
  return paths.reduce((shorter, [path, name]) => shorter.replaceAll(path, name), text);
}

function textOf(marks: readonly Mark[]): string {
  const texts = marks.map(({ text }) => text);
  return texts.length > 1 ? `(${texts.join(' ')})` : (texts[0] ?? '');
}

function rowsOf(history: readonly HistoryEvent[]): Row[] {
  const names = namesOf(history);
  const groups = new Map<string, Map<string, Row>>([['', new Map()]]);
  const row = (client: string, label: string): Mark[] => {
    const group = groups.get(client) ?? new Map<string, Row>();
    groups.set(client, group);
    const known = group.get(label) ?? { label, marks: [] };
    group.set(label, known);
    return known.marks;
  };
  const brief = new Set(
    history
      .filter((event) => event.kind === 'fault' && event.phase === 'end')
      .flatMap((event) => (event.kind === 'fault' ? [`${event.fault} ${event.client} ${event.atMs}`] : [])),
  );
  const clientOf = new Map<string, string>();

  row('', 'everybody');
  for (const event of history) {
    const { atMs } = event;
    switch (event.kind) {
      case 'state': {
        const [text, fill] = STATES[event.status];
        row(event.client, `${event.client} connection`).push({
          atMs,
          text: event.status === 'connected' ? `${text}:${event.session}` : text,
          fill,
        });
        break;
      }
      case 'fault': {
        const { client = '', fault, phase } = event;
        if (phase === 'begin' && fault.startsWith('cleanup') && brief.has(`${fault} ${event.client} ${atMs}`)) break;
        const label = client === '' ? 'everybody' : `${client} faults`;
        const marks = row(client, label);
        if (phase === 'end' && marks.at(-1)?.fill === ' ' && fault.startsWith('cleanup')) break;
        const text = phase === 'begin' ? `${fault}[` : phase === 'end' ? `]` : `${fault}!`;
        marks.push({ atMs, text, fill: phase === 'begin' ? '~' : phase === 'end' ? ' ' : (marks.at(-1)?.fill ?? ' ') });
        break;
      }
      case 'node': {
        const name = names.get(event.path)!;
        const by = event.by === 'operator' ? '!' : '';
        row('', `server ${name}`).push({
          atMs,
          text: event.present ? `+${by}${event.owner ?? 'persistent'}` : `x${by}`,
          fill: event.present ? '-' : ' ',
        });
        break;
      }
      case 'want':
        row(event.client, `${event.registration} wants`).push({
          atMs,
          text: event.path === undefined ? '|' : (names.get(event.path) ?? event.path),
          fill: event.path === undefined ? ' ' : '-',
        });
        break;
      case 'registration':
        row(event.client, `${event.registration} is`).push({ atMs, text: event.status[0]!, fill: '-' });
        break;
      case 'consumer':
        clientOf.set(event.consumer, event.client);
        row(event.client, `${event.consumer} sees`).push({
          atMs,
          text: event.change === 'subscribed' ? `^[${event.query}]` : '!',
          fill: event.change === 'subscribed' ? '-' : ' ',
        });
        break;
      case 'told': {
        const sign = { add: '+', update: '~', delete: 'x' }[event.type];
        row(clientOf.get(event.consumer) ?? '', `${event.consumer} sees`).push({
          atMs,
          text: `${sign}${names.get(event.says) ?? event.key}`,
          fill: '-',
        });
        break;
      }
      case 'close':
        row(event.client, `${event.client} closes`).push({
          atMs,
          text: event.change,
          fill: event.change === 'asked' ? '~' : ' ',
        });
        break;
      case 'ended':
        row(event.client, `${event.stream} ended`).push({
          atMs,
          text: event.error?.split(':')[0] ?? 'by itself',
          fill: ' ',
        });
        break;
      case 'rest':
        row('', 'everybody').push({ atMs, text: 'REST', fill: ' ' });
        break;
      case 'unhandled':
        row('', 'unhandled').push({ atMs, text: event.error, fill: ' ' });
        break;
      case 'session':
        if (event.change === 'ended' && event.by !== event.client)
          row(event.client, `${event.client} connection`).push({ atMs, text: `x${event.session}`, fill: '=' });
        break;
      case 'attempt':
      case 'count':
      case 'set':
      case 'warning':
        break;
    }
  }
  return [...groups.values()].flatMap((group) => [...group.values()]);
}

/** Short names for what is long: a node by its path, and by what it says. */
function namesOf(history: readonly HistoryEvent[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  let count = 0;
  for (const event of history) {
    const path = event.kind === 'node' || event.kind === 'want' ? event.path : undefined;
    if (path === undefined || names.has(path)) continue;
    const name = `n${(count += 1)}`;
    names.set(path, name);
    if (event.kind === 'node' && event.instance && !names.has(event.instance.says))
      names.set(event.instance.says, name);
  }
  for (const event of history) {
    if (event.kind === 'node' && event.instance && !names.has(event.instance.says))
      names.set(event.instance.says, names.get(event.path)!);
  }
  return names;
}

function legend(history: readonly HistoryEvent[]): string[] {
  const paths = [...namesOf(history)].filter(([text]) => text.startsWith('/'));
  return [
    ...paths.map(([path, name]) => `${name} = ${readable(path)}`),
    'connection: k connecting, c connected in a session, s suspended, l lost, | closed, x session ended by the server; nodes: + made by, x gone, ! by hand;',
    'registrations: p pending, r registered, s suspended; consumers: ^ subscribes, + add, ~ update, x delete, ! leaves.',
  ];
}

function readable(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
