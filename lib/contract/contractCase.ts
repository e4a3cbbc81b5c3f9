import type { Session } from '../port/index.js';
import type { ContractClient, ContractServer } from './contractServer.js';
import { eventually } from './eventually.js';
import { Probe, SOON_MS } from './probe.js';

/** One thing that the contract asks of a backend. */
export interface ContractCase {
  /** What it is about: an operation, or a part of the backend. */
  readonly group: string;
  /** What is promised. */
  readonly title: string;
  /**
   * Tries it: resolves where the promise is kept, and rejects with an `AssertionError` where it is not. It makes clients of its
   * own, and closes them.
   *
   * One case at a time may run on a server: some count its watches. Allow each 60 seconds on a slow machine.
   */
  readonly run: (server: ContractServer) => Promise<void>;
}

/** A client in session. */
export interface ContractMember {
  readonly client: ContractClient;
  readonly probe: Probe;
  readonly session: Session;
}

/** What a case works with. */
export interface ContractStage {
  readonly server: ContractServer;
  /** A directory of this case's own, which is not there yet. */
  readonly base: string;
  /** Makes a client and waits for its session. */
  readonly join: (timeoutMs?: number) => Promise<ContractMember>;
  /** Waits until the server has a node no more. */
  readonly gone: (path: string) => Promise<void>;
}

/** What differs from run to run of a program: a server may still hold what an earlier one left. */
const RUN = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`;
let directories = 0;

/** Cases of one group, by their titles. */
export function cases(
  group: string,
  bodies: Readonly<Record<string, (stage: ContractStage) => Promise<void>>>,
): readonly ContractCase[] {
  return Object.entries(bodies).map(([title, body]) => ({
    group,
    title,
    run: (server) => onStage(server, body),
  }));
}

async function onStage(server: ContractServer, body: (stage: ContractStage) => Promise<void>): Promise<void> {
  const members: ContractMember[] = [];
  const join = async (timeoutMs = server.longTimeoutMs): Promise<ContractMember> => {
    const client = await server.client(timeoutMs);
    const probe = new Probe(client.backend);
    const member = { client, probe, session: await probe.session() };
    members.push(member);
    return member;
  };
  const gone = async (path: string): Promise<void> => {
    await eventually(async () => (await server.read(path)) === undefined, {
      what: `the end of ${path}`,
      withinMs: SOON_MS,
    });
  };
  try {
    await body({ server, base: `/contract-${RUN}-${(directories += 1)}`, join, gone });
  } finally {
    for (const { client } of members) client.heal();
    await Promise.all(members.map(({ probe }) => probe.backend.close()));
  }
  for (const { probe } of members) probe.expectLegal();
}
