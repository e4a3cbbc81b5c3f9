import type { NodeStatus } from './nodeRecord.js';
import type { NodeEntry, NodeTable } from './nodeTable.js';

/** A node that shall be there until this is released. */
export class NodeHold {
  readonly #table: NodeTable;
  readonly #entry: NodeEntry;
  readonly #releasing: () => void;
  #isReleased = false;
  #isSetAside = false;
  #listener: ((status: NodeStatus) => void) | undefined;

  /** @param releasing - Called when nobody holds the node any more, before it is removed. */
  constructor(table: NodeTable, entry: NodeEntry, releasing: () => void) {
    this.#table = table;
    this.#entry = entry;
    this.#releasing = releasing;
  }

  /** The node that is held. */
  static entryOf(hold: NodeHold): NodeEntry {
    return hold.#entry;
  }

  /** Whether the node can be there: whether it was asked for, and is not known to be gone for good. */
  get mayStand(): boolean {
    const { touched, phase } = this.#entry.record;
    return touched && phase !== 'over';
  }

  /** Calls `listener` with the present status, and with each one after it until this is released. One listener for each hold. */
  listen(listener: (status: NodeStatus) => void): void {
    this.#listener = listener;
    this.#entry.listeners = [...this.#entry.listeners, listener];
    listener(this.#entry.record.status);
  }

  /** Changes the content of the node, in place. Of several changes in a row only the last one needs to be written. */
  write(data: Uint8Array): void {
    if (!this.#isReleased) this.#table.step(this.#entry, { type: 'changed', data });
  }

  /** Insists on the node no more, and leaves it as it is until this is released. */
  setAside(): void {
    if (this.#isReleased || this.#isSetAside) return;
    this.#isSetAside = true;
    this.#entry.setAside += 1;
    this.#wantWhatIsLeft();
  }

  /** Ends the hold. The last one's release removes the node. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    const entry = this.#entry;
    entry.holds -= 1;
    if (this.#isSetAside) entry.setAside -= 1;
    entry.listeners = entry.listeners.filter((each) => each !== this.#listener);
    // One that has ended by itself has nothing to remove.
    if (entry.record.phase === 'over') return;
    if (entry.holds === 0) this.#releasing();
    this.#wantWhatIsLeft();
  }

  #wantWhatIsLeft(): void {
    const { holds, setAside } = this.#entry;
    if (holds === 0) this.#table.step(this.#entry, { type: 'wanted', desired: 'absent' });
    else if (setAside === holds) this.#table.step(this.#entry, { type: 'wanted', desired: 'asIs' });
  }
}
