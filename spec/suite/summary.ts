import { DefaultReporter } from 'vitest/node';

/** Prints what failed, and how many passed: the files themselves were printed as they ended. */
export default class SummaryReporter extends DefaultReporter {
  constructor() {
    super({ summary: false });
  }

  override onTestModuleEnd(): void {}
}
