import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pageOf, readVersions } from './record.js';
import { CORE_SUITES, isContract, suitesOf } from './suites.js';
import { versionsTable, withTable } from './table.js';
import { addOutcomes, NO_VERSIONS, type ServerName } from './versions.js';

const ok = { passed: 3, failed: 0 };
const bad = { passed: 2, failed: 1 };
const core = Object.fromEntries(CORE_SUITES.map((suite) => [suite, ok]));
const etcd = (version: string, origin = 'release') => ({ name: 'etcd' as const, version, origin });

describe('the record of tested versions', () => {
  it('keeps the versions in order, and what each suite did last', () => {
    let versions = addOutcomes(NO_VERSIONS, etcd('3.10.0'), { outages: ok });
    versions = addOutcomes(versions, etcd('3.9.1', 'Debian sid'), { outages: bad });
    versions = addOutcomes(versions, etcd('3.9.1', 'Debian sid'), { contract: ok, outages: ok });
    expect(Object.entries(versions.etcd)).toEqual([
      ['3.9.1', { origin: 'Debian sid', suites: { contract: ok, outages: ok } }],
      ['3.10.0', { origin: 'release', suites: { outages: ok } }],
    ]);
    expect(versions.ZooKeeper).toEqual({});
  });
});

describe('the table of tested versions', () => {
  const suites = ['contract', 'contract-config', 'scale', ...CORE_SUITES];
  const rowOf = (outcomes: object) =>
    versionsTable({ ...NO_VERSIONS, etcd: { '3.4.1': { origin: 'here', suites: { ...outcomes } } } }, () => suites)
      .split('\n')
      .at(-1);
  const contract = { contract: ok, 'contract-config': ok };

  it('says what held, what failed and what was not run', () => {
    expect(rowOf({})).toBe('| etcd | 3.4.1 | here |  |  |  |  |');
    expect(rowOf({ ...contract, ...core })).toBe('| etcd | 3.4.1 | here | ✓ | ✓ |  |  |');
    expect(rowOf({ ...contract, ...core, scale: ok, faults: ok })).toBe('| etcd | 3.4.1 | here | ✓ | ✓ | ✓ | ✓ |');
    expect(rowOf({ ...contract, ...core, scale: bad })).toBe('| etcd | 3.4.1 | here | ✓ | ✓ | ✗ |  |');
    expect(rowOf({ contract: ok, ...core, faults: bad })).toBe('| etcd | 3.4.1 | here |  | ✓ |  | ✗ |');
  });

  it('replaces the one in the page', () => {
    const page = readFileSync(new URL('../../docs/tested-versions.md', import.meta.url), 'utf8');
    const [one, other] = [withTable(page, '| one |'), withTable(withTable(page, '| one |'), '| other |')];
    expect(one).toContain('\n\n| one |\n\n');
    expect(other).not.toContain('| one |');
    expect(() => withTable('# Nothing', '| one |')).toThrow('no place for the table');
  });
});

describe('the page of tested versions', () => {
  it('says which versions were tested, as docs/versions.json has it', async () => {
    const page = readFileSync(new URL('../../docs/tested-versions.md', import.meta.url), 'utf8');
    expect(page, 'run `npm run versions`').toBe(await pageOf(await readVersions()));
  });

  it.each<[ServerName, string[]]>([
    ['etcd', ['3.4', '3.5', '3.6']],
    ['ZooKeeper', ['3.5', '3.6', '3.7', '3.8', '3.9']],
  ])('says of lines of %s that a version has passed the contract and the core suites', async (name, lines) => {
    const { [name]: tested } = await readVersions();
    const wanted = suitesOf(name).filter((suite) => isContract(suite) || CORE_SUITES.some((each) => each === suite));
    const passed = Object.entries(tested)
      .filter(([, { suites }]) => wanted.every((suite) => suites[suite]?.failed === 0))
      .map(([version]) => version);
    for (const line of lines) expect(passed).toContainEqual(expect.stringMatching(new RegExp(`^${line}\\.`)));
  });
});
