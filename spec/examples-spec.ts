import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const example = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  run(process.execPath, ['--import', 'tsx', 'examples/run.ts', ...args]);

describe('the examples', () => {
  it('are listed, one name a line', async () => {
    const { stdout } = await example();
    expect(stdout).toBe(
      'backend\nconsume\ngrpc\nhttp\nmigrate\nnestjs\noverrides\nprobes\nprovide\nrolling-restart\nstart-without\nsurvive\ntesting\ntour\n',
    );
  });

  it('refuse a name that is not there, and say which are', async () => {
    await expect(example('nope')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('survive') as string,
    });
  });

  it('end by themselves on the embedded registry', async () => {
    const { stdout } = await example('survive');
    expect(stdout).toMatch(/registered[^]*ends the session[^]*delete[^]*lost[^]*add[^]*all is well/);
  });

  it('say why, and fail, where there is no registry', async () => {
    await expect(example('tour', 'nowhere://127.0.0.1:1')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('zookeeper://, etcd:// or memory://') as string,
    });
  });

  it('lose no call through a rolling restart', async () => {
    const { stdout } = await example('rolling-restart');
    expect(stdout).toMatch(/\d+ calls, 0 failed/);
  });

  it('keep a pod ready through an outage of the registry, and take it out when its own check fails', async () => {
    const { stdout } = await example('probes');
    const answers = [...stdout.matchAll(/^(.*): livez (\d+), readyz (\d+)$/gm)].map(([, ...answer]) =>
      answer.join(' '),
    );
    expect(answers).toEqual([
      'started 200 200',
      'the registry is away 200 200',
      'the check fails 200 503',
      'the check passes 200 200',
    ]);
  });

  it('lose no call and miss no instance while everybody moves to another registry', async () => {
    const { stdout } = await example('migrate');
    expect(stdout).toMatch(/\d+ calls, 0 failed .*; 0 times an instance was missing that was up/);
  });

  it('serve though the registry is away at the start', async () => {
    const { stdout } = await example('start-without');
    expect(stdout).toMatch(
      /told: 2 instances \(kept[^]*: 20 calls, 0 failed[^]*told: 1 instances \(registry\)[^]*: 40 calls, 0 failed/,
    );
  });

  it('shift the traffic of a running pipeline by rules, and back', async () => {
    const { stdout } = await example('overrides');
    const splits = [...stdout.matchAll(/(\d+) % .*\n.* (\d+) % .*\n.* (\d+) % /g)].map((shares) =>
      shares.slice(1).map(Number),
    );
    const expected = [
      [33, 33, 33],
      [60, 20, 20],
      [0, 50, 50],
      [0, 50, 50],
      [33, 33, 33],
      [40, 40, 20],
      [33, 33, 33],
    ];
    expect(splits).toHaveLength(expected.length);
    // A loaded machine has time for few picks.
    const errors = splits.flatMap((shares, step) =>
      shares.map((share, host) => Math.abs(share - expected[step]![host]!)),
    );
    expect(Math.max(...errors)).toBeLessThan(8);
    expect(stdout).toContain('cannot be used: it is not YAML');
  });

  it.each(['consume', 'provide', 'survive'])('stay short: %s has less than 40 lines', (name) => {
    expect(readFileSync(`examples/${name}.ts`, 'utf8').split('\n').length).toBeLessThan(41);
  });
});
