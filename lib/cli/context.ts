import { createConfigCenter } from '../createConfigCenter.js';
import { createRegistry } from '../createRegistry.js';
import type { ConfigCenter } from '../config/configCenter.js';
import { parseRegistryAddress, type RegistryAddress, rootPath } from '../dubbo/index.js';
import { InvalidOptionError, InvalidUrlError } from '../errors.js';
import { milliseconds } from '../internal/options.js';
import type { Registry } from '../registry.js';
import { startDemo } from './demo/startDemo.js';
import type { ExitCode } from './exitCodes.js';
import { Output } from './output.js';
import type { Terminal } from './terminal.js';

/** The options that every command has. */
export interface CommonOptions {
  readonly registry?: string;
  readonly demo?: boolean;
  readonly json?: boolean;
  readonly timeout?: string;
}

/** What a command works with. */
export interface Context {
  readonly terminal: Terminal;
  readonly output: Output;
  /** The registry's address, as text and read. */
  readonly target: string;
  readonly address: RegistryAddress;
  /** The directory of the registry: `/dubbo`. */
  readonly root: string;
  readonly registry: Registry;
  readonly timeoutMs: number;
  /** The configuration centre at the same address, on the session of the registry. */
  readonly config: () => ConfigCenter;
}

/** How long a command waits for an answer, unless it is told otherwise. */
const TIMEOUT_MS = 10_000;

/** Does the work of a command on the registry that its options name, and leaves nothing behind. */
export async function onRegistry(
  options: CommonOptions,
  terminal: Terminal,
  work: (context: Context) => Promise<ExitCode>,
): Promise<ExitCode> {
  const output = new Output(terminal, options.json ?? false);
  const timeoutMs = options.timeout === undefined ? TIMEOUT_MS : numberOf('timeout', options.timeout);
  milliseconds('timeout', timeoutMs);
  const demo = options.demo ? await startDemo() : undefined;
  const target = demo?.address ?? options.registry ?? terminal.env['RX_REGISTRY'];
  try {
    if (!target) {
      throw new InvalidUrlError(
        'Expected --registry zookeeper://host:2181, or RX_REGISTRY, or --demo; got none of them.',
      );
    }
    const address = parseRegistryAddress(target);
    const registry = createRegistry(target, { timeoutMs });
    const { namespace, base64 } = address;
    let center: ConfigCenter | undefined;
    const config = (): ConfigCenter => (center ??= createConfigCenter(registry, { namespace, base64, timeoutMs }));
    try {
      const root = rootPath(address.group);
      return await work({ terminal, output, target, address, root, registry, timeoutMs, config });
    } finally {
      await center?.close();
      await registry.close();
    }
  } finally {
    await demo?.stop();
  }
}

/** The number that an option has as its text. */
export function numberOf(option: string, text: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value)) throw new InvalidOptionError(option, 'a whole number', text);
  return value;
}
