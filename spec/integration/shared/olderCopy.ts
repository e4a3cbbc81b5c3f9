import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RegistryServer, StartRegistryServer } from '../../support/scenario/registryServer.js';
import { Stage } from '../../support/scenario/stage.js';
import { eventually } from '../../support/servers/eventually.js';

/** Shorter is not granted by every server. */
const SESSION_MS = 3_000;

/** What holds when a server's data is replaced by an older copy while sessions live. */
export function describeOlderCopy(kind: string, start: StartRegistryServer): void {
  describe(`an older copy of the data of ${kind}`, () => {
    let server: RegistryServer;
    let stage: Stage;
    beforeAll(async () => {
      server = await start();
      stage = new Stage(server);
    });
    afterEach(() => stage.clear());
    afterAll(() => server.close());

    it('no ghost, no vanish: what was released since does not come to stay, and what was registered since stands', async () => {
      const service = 'copy.Users';
      const directory = `/dubbo/${service}/providers`;
      const provider = await stage.connect({ sessionMs: SESSION_MS });
      const view = (await stage.connect({ sessionMs: SESSION_MS })).consume({ interface: service });
      const url = (host: string, more = '') => `dubbo://${host}:1/${service}?pid=1&timestamp=1${more}`;
      await provider.register(url('stays')).registered();
      const goes = provider.register(url('goes'));
      const persistent = provider.register(url('persistent', '&dynamic=false'));
      await Promise.all([goes, persistent].map((each) => each.registered()));
      await server.backup();
      await provider.connected();
      goes.unsubscribe();
      persistent.unsubscribe();
      await provider.register(url('comes')).registered();
      await eventually(async () => expect(await server.names(directory)).toHaveLength(2));

      await server.restore();
      // A server that is behind what was seen is refused for one session timeout; then come a handshake and a few answers.
      await eventually(
        async () => {
          expect(await server.names(directory)).toHaveLength(2);
          expect([...view.addresses].sort()).toEqual(['comes:1', 'stays:1']);
        },
        { withinMs: 6 * SESSION_MS },
      );
    });
  });
}
