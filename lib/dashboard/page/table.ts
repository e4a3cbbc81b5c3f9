import { make, mark } from './dom.js';

/** The height of a row, as the style sheet has it. */
const ROW_PX = 32;
/** Rows beyond the edges that are there already when somebody scrolls. */
const BEYOND = 8;

/** A column: its title, its width, and whether it holds numbers. */
export interface Column {
  readonly title: string;
  readonly width: string;
  readonly isNumber?: boolean;
}

/** How a table shows items. */
export interface TableOptions<T> {
  readonly columns: readonly Column[];
  readonly keyOf: (item: T) => string;
  /** Makes the cells of a row, one for each column. */
  readonly make: (item: T) => HTMLElement[];
  /** Writes an item into the row that shows it. */
  readonly fill: (row: HTMLElement, cells: readonly HTMLElement[], item: T) => void;
  /** Called when the row of an item is chosen with the keyboard. */
  readonly onEnter?: (item: T) => void;
}

/** A table of any length, of which only the rows that can be seen are elements. A row stays the same element while it is seen. */
export class Table<T> {
  readonly #host: HTMLElement;
  readonly #options: TableOptions<T>;
  readonly #body = make('div', 'rows');
  readonly #seen = new Map<string, { readonly row: HTMLElement; readonly cells: HTMLElement[] }>();
  #items: readonly T[] = [];
  #active = -1;

  constructor(host: HTMLElement, options: TableOptions<T>) {
    this.#host = host;
    this.#options = options;
    host.style.setProperty('--columns', options.columns.map(({ width }) => width).join(' '));
    const titles = options.columns.map(({ title, isNumber }) => {
      const cell = make('span', isNumber ? 'number' : '', title);
      cell.setAttribute('role', 'columnheader');
      return cell;
    });
    const head = make('div', 'head', ...titles);
    head.setAttribute('role', 'row');
    this.#body.setAttribute('role', 'rowgroup');
    host.replaceChildren(head, this.#body);
    host.scrollTop = 0;
    host.onscroll = () => this.#render();
    host.onkeydown = (event) => this.#press(event);
  }

  /** Shows these items. */
  show(items: readonly T[]): void {
    this.#items = items;
    this.#active = Math.min(this.#active, items.length - 1);
    this.#body.style.height = `${items.length * ROW_PX}px`;
    this.#host.setAttribute('aria-rowcount', String(items.length + 1));
    this.#render();
  }

  #render(): void {
    const { keyOf, fill, columns } = this.#options;
    const first = Math.max(0, Math.floor(this.#host.scrollTop / ROW_PX) - BEYOND);
    const last = Math.min(this.#items.length, first + Math.ceil(this.#host.clientHeight / ROW_PX) + 2 * BEYOND);
    const gone = new Set(this.#seen.keys());
    for (let at = first; at < last; at++) {
      const item = this.#items[at]!;
      const key = keyOf(item);
      gone.delete(key);
      const seen = this.#seen.get(key) ?? this.#add(key, item, columns);
      seen.row.style.transform = `translateY(${at * ROW_PX}px)`;
      seen.row.classList.toggle('active', at === this.#active);
      mark(seen.row, 'aria-rowindex', String(at + 2));
      fill(seen.row, seen.cells, item);
    }
    for (const key of gone) {
      this.#seen.get(key)!.row.remove();
      this.#seen.delete(key);
    }
  }

  #add(key: string, item: T, columns: readonly Column[]): { row: HTMLElement; cells: HTMLElement[] } {
    const cells = this.#options.make(item);
    for (const [at, cell] of cells.entries()) {
      cell.setAttribute('role', 'cell');
      if (columns[at]?.isNumber) cell.classList.add('number');
    }
    const row = make('div', 'row', ...cells);
    row.setAttribute('role', 'row');
    this.#body.append(row);
    const seen = { row, cells };
    this.#seen.set(key, seen);
    return seen;
  }

  #press(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.#host.clientHeight / ROW_PX) - 2);
    const last = this.#items.length - 1;
    const to: Readonly<Record<string, number>> = {
      ...{ ArrowDown: this.#active + 1, ArrowUp: this.#active - 1, Home: 0, End: last },
      ...{ PageDown: this.#active + page, PageUp: this.#active - page },
    };
    const item = this.#items[this.#active];
    if (event.key === 'Enter' && item !== undefined && event.target === this.#host) this.#options.onEnter?.(item);
    const wanted = to[event.key];
    if (wanted === undefined || last < 0) return;
    event.preventDefault();
    this.#active = Math.max(0, Math.min(last, wanted));
    const top = this.#active * ROW_PX;
    const height = this.#host.clientHeight - 2 * ROW_PX;
    if (top < this.#host.scrollTop) this.#host.scrollTop = top;
    else if (top > this.#host.scrollTop + height) this.#host.scrollTop = top - height;
    this.#render();
  }
}
