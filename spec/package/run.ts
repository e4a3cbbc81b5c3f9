import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

// Installs the packed package in a folder of its own, and compiles and runs programs there: with what is installed, with
// `all` versions that README names, or with some: `typescript=5.4 node=22 bun`.

const run = promisify(execFile);
const ALL = [
  ...['5.4', '5.5', '5.6', '5.7', '5.8', '5.9', '6.0', '7.0'].map((version) => `typescript=${version}`),
  ...['20.19.0', '22', '24', '26'].map((version) => `node=${version}`),
  ...['bun=latest', 'deno=latest'],
];
const INSTALLED = ['typescript', 'node'];
const given = process.argv.slice(2);
const wanted = (given.length === 0 ? INSTALLED : given.includes('all') ? ALL : given).map((text) => text.split('='));
const TYPESCRIPT = wanted.flatMap(([name, version]) => (name === 'typescript' ? [version] : []));
const RUNTIMES = wanted.flatMap(([name, version]) => (name === 'typescript' ? [] : [[name!, version] as const]));
const CONSUMER = resolve('spec/package/consumer');

let failed = 0;
let passed = 0;
async function check(name: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string };
    console.log(`failed  ${name}\n${message}\n${stdout}${stderr}`.slice(0, 4_000));
  }
}

/** A folder with the package and what it depends on, and with the types of Node.js or without. */
async function install(tarball: string, hasNodeTypes: boolean): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rx-registry-package-'));
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, 'rx-registry'), { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', join(modules, 'rx-registry'), '--strip-components=1']);
  for (const name of await readdir('node_modules')) {
    if (name.startsWith('.') || name === '@types' || name === 'rx-registry') continue;
    await symlink(resolve('node_modules', name), join(modules, name));
  }
  if (hasNodeTypes) {
    await mkdir(join(modules, '@types'));
    for (const name of ['node', 'debug'])
      await symlink(resolve('node_modules/@types', name), join(modules, '@types', name));
  }
  return folder;
}

/** The compiler of a version, installed beside everything else. */
async function compiler(version: string | undefined): Promise<string> {
  if (version === undefined) return resolve('node_modules/.bin/tsc');
  const folder = join(tmpdir(), `rx-registry-typescript-${version}`);
  await mkdir(folder, { recursive: true });
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefix', folder, `typescript@~${version}.0`]);
  return join(folder, 'node_modules/.bin/tsc');
}

interface Setting {
  readonly name: string;
  readonly hasNodeTypes: boolean;
  readonly extension: 'mts' | 'cts' | 'ts';
  readonly files: readonly string[];
  readonly options: Record<string, unknown>;
}

const SETTINGS: readonly Setting[] = [
  {
    name: 'a module of Node.js',
    hasNodeTypes: true,
    extension: 'mts',
    files: ['program', 'grpc'],
    options: { module: 'nodenext', types: ['node'] },
  },
  {
    name: 'CommonJS of Node.js',
    hasNodeTypes: true,
    extension: 'cts',
    files: ['program', 'grpc'],
    options: { module: 'nodenext', types: ['node'] },
  },
  {
    name: 'a bundler, without the types of Node.js',
    hasNodeTypes: false,
    extension: 'ts',
    files: ['program'],
    options: { module: 'esnext', moduleResolution: 'bundler', types: [] },
  },
  {
    name: 'CommonJS by the rules of Node.js 10',
    hasNodeTypes: true,
    extension: 'ts',
    files: ['program', 'grpc'],
    options: { module: 'commonjs', moduleResolution: 'node10', esModuleInterop: true, types: ['node'] },
  },
];

async function compile(tsc: string, folder: string, setting: Setting): Promise<void> {
  const { extension, files, options } = setting;
  const source = await mkdtemp(join(folder, 'source-'));
  for (const file of files) await cp(join(CONSUMER, `${file}.ts`), join(source, `${file}.${extension}`));
  const compilerOptions = { target: 'es2022', strict: true, noEmit: true, skipLibCheck: false, ...options };
  await writeFile(join(source, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: [`*.${extension}`] }));
  await run(tsc, ['-p', source]);
}

/** The arguments that run a program in a runtime. */
function command(runtime: string, version: string | undefined, program: string): [file: string, args: string[]] {
  if (runtime === 'node' && version === undefined) return [process.execPath, [program]];
  if (runtime === 'node') return ['npx', ['-y', '-p', `node@${version}`, 'node', program]];
  if (runtime === 'deno') return ['npx', ['-y', 'deno', 'run', '-A', '--node-modules-dir=manual', program]];
  return ['npx', ['-y', runtime, program]];
}

const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', tmpdir()]);
const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
const tarball = join(tmpdir(), filename);
const folders = { with: await install(tarball, true), without: await install(tarball, false) };

for (const version of TYPESCRIPT) {
  const tsc = await compiler(version);
  const { stdout: found } = await run(tsc, ['--version']);
  const number = found.trim().replace('Version ', '');
  for (const setting of SETTINGS) {
    // The rules of Node.js 10 are deprecated in TypeScript 6 and gone in 7.
    if (setting.options['moduleResolution'] === 'node10' && Number(number.split('.')[0]) > 5) continue;
    const folder = setting.hasNodeTypes ? folders.with : folders.without;
    await check(`TypeScript ${number}: ${setting.name}`, () => compile(tsc, folder, setting));
  }
}
for (const name of ['run.cjs', 'run.mjs']) {
  const program = join(folders.with, name);
  await cp(join(CONSUMER, name), program);
  for (const [runtime, version] of RUNTIMES) {
    // Deno has a copy of its own for those who require.
    if (runtime === 'deno' && name === 'run.cjs') continue;
    const [file, args] = command(runtime, version, program);
    await check(`${runtime} ${version ?? ''} ${name}`, async () => {
      const { stdout: said } = await run(file, args, { cwd: dirname(program), timeout: 120_000 });
      if (!said.includes('ran as')) throw new Error(`It said ${JSON.stringify(said)}.`);
    });
  }
}

for (const folder of Object.values(folders)) await rm(folder, { recursive: true });
await rm(tarball);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
