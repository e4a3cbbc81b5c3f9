/** How much answers of one instance differ from its average, relative to that. */
export class RelativeDeviation {
  #variance = 0;
  #count = 0;

  get value(): number {
    return Math.sqrt(this.#variance);
  }

  /**
   * @param error - How far an answer was from the average before, relative to that.
   * @param answers - How many answers that average was of: its own error is part of what is seen.
   */
  add(error: number, answers: number): void {
    this.#count = Math.min(this.#count + 1, 1_000);
    const seen = (Math.min(error, 3) ** 2 * answers) / (answers + 1);
    this.#variance += (seen - this.#variance) / this.#count;
  }
}
