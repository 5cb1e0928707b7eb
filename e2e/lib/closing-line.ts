// Ends a run with one line in the plain form that counts everywhere: `e2e: 7 passed, 0 failed`.
import type { FullResult, Reporter, Suite, TestCase } from '@playwright/test/reporter';

export default class ClosingLine implements Reporter {
  private tests: TestCase[] = [];

  onBegin(_config: unknown, suite: Suite): void {
    this.tests = suite.allTests();
  }

  onEnd(_result: FullResult): void {
    const counted = (outcome: string) => this.tests.filter((test) => test.outcome() === outcome).length;
    const passed = counted('expected') + counted('flaky');
    process.stdout.write(
      `e2e: ${passed} passed, ${counted('unexpected')} failed, ${counted('skipped')} skipped\n`,
    );
  }

  printsToStdio(): boolean {
    return false;
  }
}
