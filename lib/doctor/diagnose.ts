import { firstValueFrom, from, lastValueFrom, map, mergeMap, timeout, toArray } from 'rxjs';
import { LARGE_DIRECTORY_BYTES } from '../backends/zookeeper/largeDirectory.js';
import { whileConnected } from '../connection/index.js';
import { type RegistryAddress, rootPath, ServiceUrl, toNodeName } from '../dubbo/index.js';
import { RegistryError } from '../errors.js';
import { childOf, parentOf } from '../internal/path.js';
import { redact } from '../internal/redact.js';
import type { Session } from '../port/index.js';
import type { Registry } from '../registry.js';
import { type Finding, findingsOf, type Spot } from './finding.js';
import { judgeContents } from './judgeContents.js';
import { type InspectedDirectory, readContents, trialDirectory } from './nodes.js';
import { judgeServers, type ServerFacts } from './servers.js';
import { dial } from './sockets.js';
import { TESTED_LINES } from './testedVersions.js';

/** What the doctor looks at. */
export interface DiagnoseOptions {
  readonly address: RegistryAddress;
  readonly registry: Registry;
  /** How long each step may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether to try every provider's port. @defaultValue `false` */
  readonly dial?: boolean | undefined;
  /** Whether to try to register, with a node that is removed again. @defaultValue `false` */
  readonly write?: boolean | undefined;
  /** The lines of servers that are tested. @defaultValue those of docs/tested-versions.md */
  readonly testedLines?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** What is so, good or bad. */
export interface Facts {
  readonly servers: readonly ServerFacts[];
  readonly session?: { readonly askedMs: number; readonly grantedMs: number };
  /** How long an answer takes, the median of some. */
  readonly latencyMs?: number;
  readonly contents?: { readonly services: number; readonly providers: number; readonly consumers: number };
}

/** What the doctor has found. */
export interface Diagnosis {
  readonly facts: Facts;
  readonly findings: readonly Finding[];
}

/** What registries ask for, unless their address says otherwise. */
const SESSION_TIMEOUT_MS = 30_000;
/** Answers that take longer than this are slow for servers in one region. */
const SLOW_MS = 100;
/** How many answers are timed. */
const TIMED = 5;
/** How long a provider has to accept a connection. */
const DIAL_MS = 2_000;
const DIALS_AT_ONCE = 32;
/** Grants are whole seconds on etcd. */
const ROUNDING_MS = 1_000;

/** Looks at a registry from the network up to what is registered there, as far as it gets. */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const { address, registry, timeoutMs, testedLines = TESTED_LINES } = options;
  const servers = await judgeServers(address, testedLines, timeoutMs);
  const spots: Spot[] = [...servers.spots];
  let facts: Facts = { servers: servers.facts };
  const done = (): Diagnosis => ({ facts, findings: findingsOf(spots) });

  const session = await sessionOf(registry, timeoutMs).catch((error: unknown) => {
    spots.push(noSession(address, error));
  });
  if (!session) return done();
  const askedMs = address.sessionTimeoutMs ?? SESSION_TIMEOUT_MS;
  facts = { ...facts, session: { askedMs, grantedMs: session.timeoutMs } };
  spots.push(...judgeSession(askedMs, session.timeoutMs));
  try {
    const latencyMs = await latencyOf(session, timeoutMs);
    facts = { ...facts, latencyMs };
    if (latencyMs > SLOW_MS) spots.push({ id: 'SLOW_ANSWERS', where: address.protocol, detail: `${latencyMs} ms` });

    const root = rootPath(address.group);
    const contents = await firstValueFrom(readContents(session, root).pipe(timeout(timeoutMs)));
    facts = { ...facts, contents: countsOf(contents.directories) };
    const largeDirectoryBytes = address.protocol === 'zookeeper' ? LARGE_DIRECTORY_BYTES : undefined;
    spots.push(
      ...contents.spots,
      ...judgeContents(contents.directories, { nowMs: Date.now(), largeDirectoryBytes }),
      ...(options.write ? await tryToWrite(session, root, timeoutMs) : []),
      ...(options.dial ? await dialAll(contents.directories) : []),
    );
  } catch (error) {
    spots.push(noSession(address, error));
  }
  return done();
}

function sessionOf(registry: Registry, timeoutMs: number): Promise<Session> {
  const sessions = registry.states.pipe(whileConnected((session) => [session]));
  return firstValueFrom(sessions.pipe(timeout({ first: timeoutMs, with: () => lastState(registry, timeoutMs) })));
}

/** Errors with what the connection says of itself, where there is none in time. */
function lastState(registry: Registry, timeoutMs: number): Promise<never> {
  return firstValueFrom(registry.states.pipe(map((state) => ('cause' in state ? state.cause : undefined)))).then(
    (cause) => {
      const why = cause ? `: ${cause.message}` : '';
      throw new RegistryError('TIMEOUT', `Waited ${timeoutMs} ms for a session${why}`);
    },
  );
}

function noSession({ protocol }: RegistryAddress, error: unknown): Spot {
  const isRefused = error instanceof RegistryError && error.code === 'NOT_AUTHORIZED';
  const detail = error instanceof Error ? error.message : String(error);
  return { id: isRefused ? 'LOGIN_REFUSED' : 'NO_CONNECTION', where: protocol, detail };
}

function judgeSession(askedMs: number, grantedMs: number): Spot[] {
  const where = `${askedMs} ms asked for, ${grantedMs} ms granted`;
  if (grantedMs < askedMs) return [{ id: 'SESSION_TIMEOUT_CUT', where }];
  return grantedMs > askedMs + ROUNDING_MS ? [{ id: 'SESSION_TIMEOUT_RAISED', where }] : [];
}

async function latencyOf(session: Session, timeoutMs: number): Promise<number> {
  const times: number[] = [];
  for (let time = 0; time < TIMED; time++) {
    const start = performance.now();
    await lastValueFrom(session.list('/').pipe(timeout(timeoutMs))).catch((error: unknown) => {
      // An answer that is a refusal is an answer.
      if (!(error instanceof RegistryError) || error.code !== 'NOT_AUTHORIZED') throw error;
    });
    times.push(performance.now() - start);
  }
  const median = times.sort((a, b) => a - b)[Math.floor(TIMED / 2)]!;
  return Math.round(median * 10) / 10;
}

function countsOf(directories: readonly InspectedDirectory[]): NonNullable<Facts['contents']> {
  const count = (category: string): number =>
    directories.reduce((sum, each) => sum + (each.category === category ? each.nodes.length : 0), 0);
  // Dubbo 3 keeps directories of applications beside those of services; nobody is in them.
  const services = new Set(directories.filter(({ nodes }) => nodes.length > 0).map(({ service }) => service)).size;
  return { services, providers: count('providers'), consumers: count('consumers') };
}

/** The service that nobody provides but the doctor, for a moment. */
const TRIAL_SERVICE = 'rx-registry.doctor.Trial';

/** Registers what nobody calls, and leaves nothing behind. */
async function tryToWrite(session: Session, root: string, timeoutMs: number): Promise<Spot[]> {
  const directory = trialDirectory(root, TRIAL_SERVICE);
  const trial = ServiceUrl.parse(`dubbo://127.0.0.1:1/${TRIAL_SERVICE}?application=doctor&enabled=false`);
  const path = childOf(directory, toNodeName(trial.with({ parameters: { timestamp: String(Date.now()) } })));
  try {
    await lastValueFrom(session.create(path, { ephemeral: true }).pipe(timeout(timeoutMs)));
    await lastValueFrom(session.remove(path).pipe(timeout(timeoutMs)));
    return [];
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return [{ id: 'RIGHT_MISSING', where: redact(directory), detail: `may not be written: ${error.message}` }];
  } finally {
    // Somebody else may be trying at the same time: what is not empty stays.
    for (const each of [directory, parentOf(directory)]) {
      await lastValueFrom(session.remove(each).pipe(timeout(timeoutMs))).catch(() => undefined);
    }
  }
}

async function dialAll(directories: readonly InspectedDirectory[]): Promise<Spot[]> {
  const providers = directories
    .filter(({ category }) => category === 'providers')
    .flatMap(({ nodes }) => nodes.flatMap(({ url }) => (url?.port === undefined ? [] : [{ url, port: url.port }])));
  const byAddress = new Map(providers.map((provider) => [provider.url.address, provider]));
  const dialled = from(byAddress.values()).pipe(
    mergeMap(async ({ url, port }) => ({ url, result: await dial(url.host, port, DIAL_MS) }), DIALS_AT_ONCE),
    toArray(),
  );
  return (await firstValueFrom(dialled)).flatMap(({ url, result }): Spot[] =>
    result.ok
      ? []
      : [{ id: 'PROVIDER_UNREACHABLE', where: `${url.address} of ${url.interface}`, detail: result.reason }],
  );
}
