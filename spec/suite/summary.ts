import { DefaultReporter, type TestCase, type TestModule } from 'vitest/node';

/** Prints what failed, what passed only when it was run again, and how many passed: the files were printed as they ended. */
export default class SummaryReporter extends DefaultReporter {
  constructor() {
    super({ summary: false });
  }

  override onTestModuleEnd(): void {}

  override onTestRunEnd(...args: Parameters<DefaultReporter['onTestRunEnd']>): void {
    const again = args[0].flatMap((module: TestModule) =>
      [...module.children.allTests()].filter((test: TestCase) => test.diagnostic()?.flaky),
    );
    if (again.length > 0) this.ctx.logger.log(`\nPassed only when run again:\n${again.map(titleOf).join('\n')}`);
    super.onTestRunEnd(...args);
  }
}

function titleOf({ fullName, module }: TestCase): string {
  return `- ${module.relativeModuleId}: ${fullName}`;
}
