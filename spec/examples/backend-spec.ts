import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { contractServer } from '../../examples/backend/contractServer.js';
import { HttpServer } from '../../examples/backend/httpServer.js';
import { describeContract } from '../contract/contract.js';

describeContract('the example of a backend over HTTP', async () => {
  const server = new HttpServer();
  const url = await server.listen();
  return { ...contractServer(server, url), [Symbol.asyncDispose]: () => server.close() };
});

describe('the example of a backend', () => {
  const sourceOf = (name: string): string => readFileSync(`examples/backend/${name}.ts`, 'utf8');

  it('is short: what is no comment takes less than 200 lines, and the transport less than 150', () => {
    const linesOf = (name: string): number =>
      sourceOf(name)
        .split('\n')
        .filter((line) => line.trim() !== '' && !/^\s*(\/\/|\/\*\*|\*)/.test(line)).length;
    expect(linesOf('httpBackend')).toBeLessThan(200);
    expect(linesOf('httpConnection')).toBeLessThan(150);
  });

  it('needs nothing of the package but what it exports', () => {
    for (const name of ['httpBackend', 'httpConnection', 'httpServer', 'contractServer']) {
      const imported = [...sourceOf(name).matchAll(/from '([^']+)'/g)].map(([, from]) => from!);
      expect(imported.filter((from) => !/^(node:|rxjs$|rx-registry($|\/)|\.\/http)/.test(from))).toEqual([]);
    }
  });
});
