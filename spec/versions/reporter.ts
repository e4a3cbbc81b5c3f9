import type { Reporter, TestModule } from 'vitest/node';
import { recordOutcomes } from './record.js';
import { suiteIn } from './suites.js';
import type { Outcome, ServerName } from './versions.js';

const SUITE = /spec\/integration\/(etcd|zookeeper)\/([^/]+)$/;

/** Records which suites of the servers passed and failed, on which version: a file that was run in part is left out. */
export class VersionsReporter implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    for (const name of ['etcd', 'ZooKeeper'] satisfies ServerName[]) {
      const outcomes = modules.flatMap((module) => {
        const [, folder, file = ''] = SUITE.exec(module.moduleId) ?? [];
        const suite = suiteIn(file);
        const outcome = outcomeOf(module);
        return suite && folder === name.toLowerCase() && outcome ? [[suite, outcome] as const] : [];
      });
      if (outcomes.length > 0) await recordOutcomes(name, Object.fromEntries(outcomes));
    }
  }
}

function outcomeOf(module: TestModule): Outcome | undefined {
  const states = [...module.children.allTests()].map((test) => test.result().state);
  if (states.some((state) => state === 'skipped' || state === 'pending')) return undefined;
  const passed = states.filter((state) => state === 'passed').length;
  // A file that cannot be loaded, and a hook that fails, fail no spec of their own.
  const failed = Math.max(states.length - passed, module.ok() ? 0 : 1);
  return { passed, failed };
}

export default VersionsReporter;
