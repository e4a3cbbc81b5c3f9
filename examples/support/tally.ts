/** Counts what becomes of calls, and who answered. */
export class Tally {
  sent = 0;
  failed = 0;
  readonly answers = new Map<string, number>();
  readonly #underWay = new Set<Promise<void>>();

  /** Counts one call; its answer is who answered it. */
  async count(call: () => Promise<string>): Promise<void> {
    this.sent += 1;
    const over = call().then(
      (who) => void this.answers.set(who, (this.answers.get(who) ?? 0) + 1),
      (error: unknown) => {
        this.failed += 1;
        console.error(`failed: ${error instanceof Error ? error.message : String(error)}`);
      },
    );
    this.#underWay.add(over);
    await over;
    this.#underWay.delete(over);
  }

  /** Waits until no call is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** The counts, in words. */
  get text(): string {
    const answers = [...this.answers].map(([who, count]) => `${who}: ${count}`).join(', ');
    return `${this.sent} calls, ${this.failed} failed (${answers})`;
  }
}
