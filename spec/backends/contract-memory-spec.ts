import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { memory, MemoryServer } from '../../lib/backends/memory/index.js';
import { describeContract } from '../contract/contract.js';
import { memoryWorld } from '../contract/memoryWorld.js';
import { Probe, refusalOf } from '../contract/probe.js';

describeContract('memory', memoryWorld);

describe('the memory backend', () => {
  it('keeps its root also when there is nothing in it', async () => {
    const server = new MemoryServer();
    const probe = new Probe(memory({ server }));
    const session = await probe.session();
    expect(await refusalOf(session.remove('/'))).toBe('INVALID_PATH');
    await firstValueFrom(session.create('/a'));
    expect(server.paths).toEqual(['/', '/a']);
    await probe.backend.close();
  });
});
