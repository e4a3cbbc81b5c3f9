import { close } from './cases/close.js';
import { create } from './cases/create.js';
import { makeDirectory } from './cases/makeDirectory.js';
import { move } from './cases/move.js';
import { nodes } from './cases/nodes.js';
import { owned } from './cases/owned.js';
import { readAndList } from './cases/readAndList.js';
import { remove } from './cases/remove.js';
import { sessions } from './cases/sessions.js';
import { states } from './cases/states.js';
import { takeOver } from './cases/takeOver.js';
import { watchDirectories } from './cases/watchDirectories.js';
import { watchDirectory } from './cases/watchDirectory.js';
import { watchNode } from './cases/watchNode.js';
import { write } from './cases/write.js';
import type { ContractCase } from './contractCase.js';

/**
 * What `Backend` and `Session` promise, as about 110 cases. A backend that passes them all can be used as the built-in ones are.
 *
 * The cases need no test runner: give each to `it` of the one that you use, or run them in a loop. They use Node.js's `assert`,
 * and run in real time: about 10 seconds with a `shortTimeoutMs` of 600.
 *
 * @example
 * ```ts
 * import { afterAll, beforeAll, describe, it } from 'vitest';
 * import { backendContract, type ContractServer } from 'rx-registry/backend/testing';
 *
 * describe('my backend', () => {
 *   let server: ContractServer;
 *   beforeAll(async () => void (server = await startMyServer()));
 *   for (const { group, title, run } of backendContract) it(`${group}: ${title}`, () => run(server), 60_000);
 * });
 * ```
 */
export const backendContract: readonly ContractCase[] = [
  ...states,
  ...close,
  ...sessions,
  ...makeDirectory,
  ...create,
  ...takeOver,
  ...move,
  ...readAndList,
  ...write,
  ...remove,
  ...nodes,
  ...owned,
  ...watchNode,
  ...watchDirectory,
  ...watchDirectories,
];
