import { catchError, firstValueFrom, forkJoin, of } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RegistryError, type RegistryNode, type Session } from '../../../lib/index.js';
import { ask } from '../../contract/probe.js';
import { Troupe } from '../../contract/troupe.js';
import type { BackendOptions, RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
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
        expect(new Set(made.map((node) => (node as RegistryNode).version)).size).toBe(10);
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
        await server.create('/bulk/lost');
        proxy.cutAfter(0, 'toClient');
        const made = await createAtOnce(session, numbered('/bulk/lost', 200));
        expect(new Set(made)).toEqual(new Set(['CONNECTION_LOST']));
        await eventually(async () => expect(await server.names('/bulk/lost')).toHaveLength(200));
      });
    });
  });
}
