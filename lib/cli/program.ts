import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.js';
import {
  configGet,
  configKeys,
  type ConfigOptions,
  configRemove,
  configSet,
  configWatch,
  type WriteOptions,
} from './commands/config.js';
import { dashboard, type DashboardCommandOptions } from './commands/dashboard.js';
import { doctor, type DoctorOptions } from './commands/doctor.js';
import { instances, type InstancesOptions } from './commands/instances.js';
import { register, type RegisterOptions } from './commands/register.js';
import { rules } from './commands/rules.js';
import { services } from './commands/services.js';
import { watch } from './commands/watch.js';
import { type CommonOptions, type Context, onRegistry } from './context.js';
import { EXIT_CODES, type ExitCode, exitCodeOf } from './exitCodes.js';
import { Output } from './output.js';
import type { Terminal } from './terminal.js';

/**
 * Runs the command `rx-registry`; resolves with its exit code, and never rejects.
 *
 * @param args - The arguments, without those of Node.js.
 */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT_CODES.ok;
  const program = programOn(terminal, (result) => (code = result));
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has written what was wrong, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage;
    new Output(terminal, args.includes('--json')).failure(error);
    return exitCodeOf(error);
  }
}

const EXIT_HELP = `
Exit codes:
  0  done, or stopped while it followed something
  1  not possible: no connection in time, no right, refused by the server
  2  called in a wrong way: an unknown option, a malformed address or URL
  3  doctor has found something that must be mended
  4  not there: the key of config get or config rm
  5  not written: somebody else has changed the value, or you said no

The address is that of createRegistry: zookeeper://host:2181, etcd://host:2379. RX_REGISTRY names it where --registry does not.`;

function programOn(terminal: Terminal, finish: (code: ExitCode) => void): Command {
  const program = new Command('rx-registry')
    .description('Looks at a service registry on ZooKeeper or etcd, and at its services.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.write(text), writeErr: (text) => terminal.note(text) })
    .showSuggestionAfterError()
    .addHelpText('after', EXIT_HELP);

  /** A command with the options that all have; its last argument is what it was given. */
  const command = (parent: Command, usage: string, description: string): Command =>
    parent
      .command(usage)
      .description(description)
      .option('--registry <address>', 'the address of the registry')
      .option('--demo', 'a small living fleet in memory instead')
      .option('--json', 'one JSON object a line')
      .option('--timeout <ms>', 'how long to wait for the registry', '10000');
  const run = async (options: CommonOptions, work: (context: Context) => Promise<ExitCode>): Promise<void> =>
    finish(await onRegistry(options, terminal, work));

  command(program, 'services', 'lists the services, and how many provide and consume each').action(
    (options: CommonOptions) => run(options, services),
  );
  command(program, 'instances', 'lists who provides a service')
    .argument('<service>', 'an interface, or group/interface:version')
    .option('--watch', 'goes on, and shows what changes')
    .option('--consumers', 'lists its consumers, too')
    .action((service: string, options: CommonOptions & InstancesOptions) =>
      run(options, (context) => instances(context, service, options)),
    );
  command(program, 'watch', 'prints who comes, changes and goes, as it happens')
    .argument('[service]', 'an interface, group/interface:version, or * for all', '*')
    .action((service: string, options: CommonOptions) => run(options, (context) => watch(context, service)));
  command(program, 'register', 'registers a service until it is stopped, and then takes it back')
    .argument('<url>', 'dubbo://10.0.0.5:20880/com.acme.UserService?version=1.0.0')
    .option('--drain', 'after it is taken back, waits until consumers know')
    .action((url: string, options: CommonOptions & RegisterOptions) =>
      run(options, (context) => register(context, url, options)),
    );
  command(program, 'rules', 'prints the override and routing rules').action((options: CommonOptions) =>
    run(options, rules),
  );

  command(program, 'doctor', 'looks for what is wrong: servers, login, rights, session, and what is registered')
    .option('--dial', 'also connects to the port of every provider')
    .option('--write', 'also registers for a moment what nobody calls')
    .option('--strict', 'exits with 3 for warnings, too')
    .action((options: CommonOptions & DoctorOptions) => run(options, (context) => doctor(context, options)));

  command(program, 'dashboard', 'serves a live page of the registry')
    .option('--host <address>', 'where it listens; for others than this machine it asks for a token', '127.0.0.1')
    .option('--port <number>', 'the port; 0 for any that is free', '8848')
    .option('--token <text>', 'what whoever looks must know')
    .action((options: CommonOptions & DashboardCommandOptions) =>
      run(options, (context) => dashboard(context, options)),
    );

  const config = program.command('config').description('reads and writes values of the configuration centre');
  const ofKey = (name: string, description: string): Command =>
    command(config, name, description).option('--group <name>', 'the group of the key', 'dubbo');
  const writing = (name: string, description: string): Command =>
    ofKey(name, description)
      .option('--if-version <version>', 'only if the key has this version, or "absent"')
      .option('--force', 'whatever the key holds by then')
      .option('--dry-run', 'only shows what would change')
      .option('--yes', 'does not ask');
  ofKey('get', 'prints a value')
    .argument('<key>')
    .action((key: string, options: CommonOptions & ConfigOptions) =>
      run(options, (context) => configGet(context, key, options)),
    );
  writing('set', 'publishes a value: the argument, --file, or the standard input')
    .argument('<key>')
    .argument('[content]')
    .option('--file <path>', 'a file that holds the value; - is the standard input')
    .action((key: string, content: string | undefined, options: CommonOptions & WriteOptions) =>
      run(options, (context) => configSet(context, key, content, options)),
    );
  writing('rm', 'removes a value')
    .argument('<key>')
    .action((key: string, options: CommonOptions & WriteOptions) =>
      run(options, (context) => configRemove(context, key, options)),
    );
  ofKey('watch', 'prints a value and every change of it')
    .argument('<key>')
    .action((key: string, options: CommonOptions & ConfigOptions) =>
      run(options, (context) => configWatch(context, key, options)),
    );
  ofKey('keys', 'lists the keys of a group').action((options: CommonOptions & ConfigOptions) =>
    run(options, (context) => configKeys(context, options)),
  );
  return program;
}
