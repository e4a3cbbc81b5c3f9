import { describe, expect, it } from 'vitest';
import { JuteWriter } from '../servers/jute.js';
import { readTransactions } from './transactionLog.js';

const CREATE = 1;
const DELETE = 2;
const MULTI = 14;
const CLOSE = -11;

const bodyOf = (writer: JuteWriter): Buffer => writer.frame().subarray(4);
const create = (path: string, isEphemeral: boolean): JuteWriter =>
  new JuteWriter()
    .string(path)
    .buffer(Buffer.from('x'))
    .int(1)
    .int(31)
    .string('world')
    .string('anyone')
    .bool(isEphemeral)
    .int(1);

function logged(zxid: bigint, type: number, body: JuteWriter): Buffer {
  const header = new JuteWriter().long(0x10n).int(7).long(zxid).long(1_000n).int(type);
  const bytes = Buffer.concat([bodyOf(header), bodyOf(body)]);
  return Buffer.concat([bodyOf(new JuteWriter().long(0n).int(bytes.length)), bytes, Buffer.from('B')]);
}

const HEADER = Buffer.alloc(16);
const FILE = Buffer.concat([
  HEADER,
  logged(1n, CREATE, create('/a', true)),
  logged(
    2n,
    MULTI,
    new JuteWriter()
      .int(2)
      .int(DELETE)
      .buffer(bodyOf(new JuteWriter().string('/a')))
      .int(CREATE)
      .buffer(bodyOf(create('/b', false))),
  ),
  logged(3n, CLOSE, new JuteWriter().int(1).string('/c')),
  Buffer.alloc(1_000),
]);

describe('the reading of a transaction log', () => {
  it('tells what each transaction did, in one step', () => {
    const { transactions } = readTransactions(FILE);
    expect(transactions.map(({ zxid, changes }) => [zxid, changes])).toEqual([
      [1n, [{ type: 'put', path: '/a', owner: '0x10' }]],
      [
        2n,
        [
          { type: 'delete', path: '/a' },
          { type: 'put', path: '/b' },
        ],
      ],
      [3n, [{ type: 'delete', path: '/c' }]],
    ]);
    expect(transactions[2]).toMatchObject({ session: '0x10', endsSession: true });
  });

  it('goes on where it ended, when the rest has been written', () => {
    for (let size = 0; size < FILE.length; size += 7) {
      const first = readTransactions(FILE.subarray(0, size));
      const second = readTransactions(FILE, first.next);
      expect([...first.transactions, ...second.transactions].map(({ zxid }) => zxid)).toEqual([1n, 2n, 3n]);
    }
  });
});
