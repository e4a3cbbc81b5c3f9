import type { Socket } from 'node:net';
import type { Faults } from './faults.js';

interface Piece {
  readonly due: number;
  /** null stands for the end of the stream. */
  readonly bytes: Buffer | null;
}

const HIGH_WATER = 1024 * 1024;
const SLICES_PER_SECOND = 50;

/** One direction of one proxied connection: passes on what arrives, in order, under the faults of the moment. */
export class Pipe {
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #faults: Faults;
  readonly #onBudgetSpent: () => void;
  readonly #queue: Piece[] = [];
  #queued = 0;
  #freeAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #draining = false;
  #holds = false;

  /** @param onBudgetSpent - called when the last byte that `faults.remaining` allows has been handed to the kernel */
  constructor(source: Socket, target: Socket, faults: Faults, onBudgetSpent: () => void) {
    this.#source = source;
    this.#target = target;
    this.#faults = faults;
    this.#onBudgetSpent = onBudgetSpent;
    source.on('data', (bytes) => this.#enqueue(bytes));
    source.once('end', () => this.#enqueue(null));
    target.on('drain', () => {
      this.#draining = false;
      this.#pump();
    });
  }

  /** Whether it takes bytes and keeps them. */
  get holds(): boolean {
    return this.#holds;
  }

  /** Takes bytes from now on without passing them on; what was under way is held, too. */
  hold(): void {
    this.#holds = true;
    this.#source.resume();
  }

  /** Passes on what it has held, and everything after it. */
  release(): void {
    this.#holds = false;
    this.#pump();
  }

  /** Drops what it has not passed on. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #enqueue(bytes: Buffer | null): void {
    // Later bytes never overtake earlier ones, also when the delay has become shorter.
    const due = Math.max(performance.now() + this.#faults.delayMs, this.#queue.at(-1)?.due ?? 0);
    this.#queue.push({ due, bytes });
    this.#queued += bytes?.length ?? 0;
    if (this.#queued > HIGH_WATER && !this.#holds) this.#source.pause();
    this.#pump();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    for (let piece = this.#queue[0]; piece && !this.#holds && !this.#draining; piece = this.#queue[0]) {
      const wait = Math.max(piece.due, this.#freeAt) - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pump(), wait);
        return;
      }
      this.#queue.shift();
      if (!piece.bytes) this.#target.end();
      else if (!this.#pass(piece.bytes, piece.due)) return;
    }
    if (this.#queued <= HIGH_WATER) this.#source.resume();
  }

  /** Passes on as much as it may at once; returns false if that was the last. */
  #pass(bytes: Buffer, due: number): boolean {
    const { bytesPerSecond, remaining } = this.#faults;
    const limit = bytesPerSecond ? Math.max(1, Math.floor(bytesPerSecond / SLICES_PER_SECOND)) : Infinity;
    const size = Math.min(bytes.length, limit, remaining);
    if (size < bytes.length) this.#queue.unshift({ due, bytes: bytes.subarray(size) });
    this.#queued -= size;
    this.#faults.passed += size;
    this.#faults.remaining -= size;
    if (bytesPerSecond) this.#freeAt = performance.now() + (size / bytesPerSecond) * 1000;
    const spent = this.#faults.remaining === 0;
    if (!this.#target.write(bytes.subarray(0, size))) this.#draining = true;
    if (spent) this.#onBudgetSpent();
    return !spent;
  }
}
