import { DefaultReporter } from 'vitest/node';

/** Prints each file as it ends. What failed is for the summary of all runs. */
export default class ProgressReporter extends DefaultReporter {
  constructor() {
    // A line that is drawn over and over again cannot be shared by two runs.
    super({ summary: false });
  }

  override onTestRunEnd(): void {}
}
