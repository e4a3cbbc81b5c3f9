import assert from 'node:assert/strict';
import { catchError, of } from 'rxjs';
import type { RegistryError } from '../../errors.js';
import { cases } from '../contractCase.js';
import { ask } from '../probe.js';

/** What the port promises of owned. */
export const owned = cases('owned', {
  'lists the nodes that go with the session, those of no other and no persistent ones, or says that it cannot': async ({
    base,
    join,
  }) => {
    const { session } = await join();
    const other = await join();
    const empty = await ask(session.owned().pipe(catchError((error: unknown) => of((error as RegistryError).code))));
    if (empty === 'UNSUPPORTED') return;
    assert.deepEqual(empty, []);
    await ask(session.create(`${base}/persistent`));
    await ask(other.session.create(`${base}/other`, { ephemeral: true }));
    const taken = await ask(other.session.create(`${base}/d/taken`, { ephemeral: true }));
    await ask(session.create(`${base}/gone`, { ephemeral: true }));
    await ask(session.remove(`${base}/gone`));
    await ask(session.create(`${base}/mine 中`, { ephemeral: true }));
    await ask(session.takeOver(taken, { ephemeral: true }));
    assert.deepEqual([...(await ask(session.owned()))].sort(), [`${base}/d/taken`, `${base}/mine 中`]);
    assert.deepEqual(await ask(other.session.owned()), [`${base}/other`]);
  },
});
