import { catchError, firstValueFrom, forkJoin, of, throwError } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RegistryError, type RegistryNode, type Session } from '../../../lib/index.js';
import { NodeExistsError } from '../../../lib/port/index.js';
import { ask } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import type { BackendOptions, RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import type { RegistrationRecord } from '../../support/scenario/registrationRecord.js';
import { Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';

/** What holds for nodes that are made together. */
export function describeBulk(kind: string, start: StartRegistryServer): void {
  describe(`bulk on ${kind}`, () => {
    let server: RegistryServer;
    let troupe: Troupe<BackendOptions>;
    beforeAll(async () => {
      server = await start();
      troupe = new Troupe(server.backend);
    });
    afterEach(() => troupe.clear());
    afterAll(() => server.close());

    /** Makes all nodes at once; what each became, or the code of its error. */
    function createAtOnce(
      session: Session,
      paths: readonly string[],
      data?: Uint8Array,
    ): Promise<(RegistryNode | string)[]> {
      return firstValueFrom(
        forkJoin(
          paths.map((path) =>
            session
              .create(path, { ephemeral: true, ...(data && { data }) })
              .pipe(catchError((error: unknown) => of(error instanceof RegistryError ? error.code : String(error)))),
          ),
        ),
      );
    }

    const numbered = (directory: string, count: number): string[] =>
      Array.from({ length: count }, (_, number) => `${directory}/${String(number).padStart(4, '0')}`);

    describe('nodes that are made at the same time', () => {
      it('are made a hundred in one transaction, each with its own owner and the transaction it came with', async () => {
        const { session } = await troupe.join(server.port);
        const paths = numbered('/bulk/many', 1_000);
        const made = await createAtOnce(session, paths);
        expect(made.map((node) => (typeof node === 'string' ? node : node.path))).toEqual(paths);
        // On etcd the first node of a directory goes before the others: the directory may be missing.
        expect(new Set(made.map((node) => (node as RegistryNode).version)).size).toBeLessThanOrEqual(11);
        expect(new Set(made.map((node) => (node as RegistryNode).owner))).toEqual(new Set([session.id]));
        expect(await server.names('/bulk/many')).toHaveLength(1_000);
        const { owner, version } = made[777] as RegistryNode;
        expect(await ask(session.read(paths[777]!))).toMatchObject({ owner, version });
      });

      it('do not fail with a bad one: it is split out', async () => {
        const { session } = await troupe.join(server.port);
        const paths = numbered('/bulk/split', 250);
        const bad = [paths[0]!, paths[42]!, paths[249]!];
        for (const path of bad) await server.create(path);
        const made = await createAtOnce(session, paths);
        expect(made.flatMap((node, at) => (typeof node === 'string' ? [[paths[at], node]] : []))).toEqual(
          bad.map((path) => [path, 'NODE_EXISTS']),
        );
        expect(await server.names('/bulk/split')).toHaveLength(250);
      });

      it('do not fail where all are bad', async () => {
        const { session } = await troupe.join(server.port);
        const paths = numbered('/bulk/bad', 120);
        await createAtOnce(session, paths);
        expect(new Set(await createAtOnce(session, paths))).toEqual(new Set(['NODE_EXISTS']));
      });

      it('are made in directories that are missing, beside one that can have no children', async () => {
        const { session } = await troupe.join(server.port);
        await ask(session.create('/bulk-leaf', { ephemeral: true }));
        const paths = [...numbered('/bulk/new/a', 60), '/bulk-leaf/below', ...numbered('/bulk/new/b', 60)];
        const made = await createAtOnce(session, paths);
        expect(made.filter((node) => typeof node === 'string')).toEqual(['CONFLICT']);
        expect(await server.names('/bulk/new/a')).toHaveLength(60);
        expect(await server.names('/bulk/new/b')).toHaveLength(60);
      });

      it('stay below what the server takes in one packet, and one that does not is refused alone', async () => {
        const { session } = await troupe.join(server.port);
        const made = await createAtOnce(session, numbered('/bulk/large', 20), new Uint8Array(200_000));
        expect(made.filter((node) => typeof node === 'string')).toEqual([]);
        const both = [
          firstValueFrom(session.create('/bulk/large/small')),
          firstValueFrom(session.create('/bulk/large/huge', { data: new Uint8Array(server.tooManyBytes) })),
        ] as const;
        await expect(both[1]).rejects.toMatchObject({ code: 'TOO_LARGE' });
        expect((await both[0]).path).toBe('/bulk/large/small');
      });

      it('fail together with the connection, and those that were applied are found', async () => {
        const { proxy, session } = await troupe.join(server.port);
        await ask(session.create('/bulk/lost/first'));
        proxy.cutAfter(0, 'toClient');
        const made = await createAtOnce(session, numbered('/bulk/lost', 200));
        expect(new Set(made)).toEqual(new Set(['CONNECTION_LOST']));
        await eventually(async () => expect(await server.names('/bulk/lost')).toHaveLength(201));
      });
    });

    describe('nodes that an old session left', () => {
      /** Takes over, at once, whatever is there already: the way a registration goes. */
      function takeOverAtOnce(session: Session, paths: readonly string[]): Promise<(RegistryNode | string)[]> {
        const taken = (path: string) =>
          session.nodes.create(path, { ephemeral: true }).pipe(
            catchError((error: unknown) =>
              error instanceof NodeExistsError
                ? session.nodes.takeOver(error.node, { ephemeral: true })
                : throwError(() => error),
            ),
            catchError((error: unknown) => of({ node: error instanceof RegistryError ? error.code : String(error) })),
          );
        return firstValueFrom(forkJoin(paths.map(taken))).then((states) => states.map(({ node }) => node!));
      }

      it('are taken over many in one transaction, and nobody has to read them', async () => {
        const old = await troupe.join(server.port);
        const young = await troupe.join(server.port);
        const paths = numbered('/bulk/left', 1_000);
        await createAtOnce(old.session, paths);
        const taken = await takeOverAtOnce(young.session, paths);
        expect(taken.map((node) => (typeof node === 'string' ? node : node.path))).toEqual(paths);
        // A hundred at a time, which etcd takes in two transactions: it has a bound on conditions. Its first goes before the others.
        expect(new Set(taken.map((node) => (node as RegistryNode).version)).size).toBeLessThanOrEqual(21);
        const owners = new Set((await server.children('/bulk/left')).map(({ owner }) => owner));
        expect(server.ownersOf(young.session)).toEqual(expect.arrayContaining([...owners]));
      });

      it('are taken over also where some are gone, and some are not what they were', async () => {
        const old = await troupe.join(server.port);
        const young = await troupe.join(server.port);
        const paths = numbered('/bulk/mixed', 150);
        const half = paths.filter((_, at) => at % 2 === 0);
        await createAtOnce(old.session, half);
        expect((await takeOverAtOnce(young.session, paths)).filter((node) => typeof node === 'string')).toEqual([]);
        const third = await troupe.join(server.port);
        const seen = await Promise.all(paths.map((path) => ask(third.session.read(path))));
        await server.write(paths[7]!, 'changed');
        await server.remove(paths[50]!);
        const taken = await firstValueFrom(
          forkJoin(
            seen.map((node) =>
              third.session
                .takeOver(node!, { ephemeral: true })
                .pipe(catchError((error: unknown) => of(error instanceof RegistryError ? error.code : String(error)))),
            ),
          ),
        );
        expect(taken.flatMap((node, at) => (typeof node === 'string' ? [[at, node]] : []))).toEqual([
          [7, 'CONFLICT'],
          [50, 'CONFLICT'],
        ]);
        const owners = (await server.children('/bulk/mixed')).map(({ owner }) => owner);
        expect(server.ownersOf(third.session)).toEqual(expect.arrayContaining([owners[0]]));
        expect(new Set(owners).size).toBeLessThanOrEqual(2);
      });

      it('bounded load: a registry that was restarted takes its registrations over in few transactions', async () => {
        const stage = new Stage(server);
        const count = 200;
        const directory = '/dubbo/bulk.Restarted/providers';
        const urls = Array.from({ length: count }, (_, at) => `dubbo://h${at}:1/bulk.Restarted?pid=1&timestamp=1`);
        const old = await stage.connect({ sessionMs: 30_000 });
        const all = async (records: readonly RegistrationRecord[]): Promise<void> =>
          eventually(() => expect(new Set(records.map(({ status }) => status))).toEqual(new Set(['registered'])), {
            withinMs: 25_000,
          });
        await all(urls.map((url) => old.register(url)));
        old.proxy.blackHole('both');
        const restarted = await stage.connect({ sessionMs: 30_000 });
        await all(urls.map((url) => restarted.register(url)));
        const nodes = await server.children(directory);
        expect(nodes).toHaveLength(count);
        expect(new Set(nodes.map(({ written }) => written)).size).toBeLessThanOrEqual((2 * count) / 100 + 1);
        const owners = new Set(nodes.map(({ owner }) => owner));
        expect(server.ownersOf(await restarted.connected())).toEqual(expect.arrayContaining([...owners]));
        old.proxy.heal();
        await stage.clear();
      });
    });
  });
}
