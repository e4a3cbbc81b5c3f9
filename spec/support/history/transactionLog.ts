import { JuteReader } from '../servers/jute.js';
import { formatSessionId } from '../servers/sessionId.js';
import type { NodeChange } from './serverHistory.js';

/** One transaction as a ZooKeeper server has logged it. */
export interface LoggedTransaction {
  readonly zxid: bigint;
  /** When the leader proposed it, on its wall clock. */
  readonly timeMs: number;
  readonly session: string;
  readonly changes: readonly NodeChange[];
  /** Whether it ends the session. */
  readonly endsSession: boolean;
}

const HEADER_BYTES = 16;
const FRAME_BYTES = 12;

const TYPE = { create: 1, delete: 2, setData: 5, multi: 14, create2: 15, container: 19, deleteContainer: 20, ttl: 21 };
const CREATES: readonly number[] = [TYPE.create, TYPE.create2, TYPE.container, TYPE.ttl];
const CLOSE_SESSION = -11;

/**
 * Reads the transactions of a log file from a position on, as far as they are complete; the next position comes with them.
 *
 * The file begins with a header; each transaction follows its checksum and length, and ends in `B`. What is allocated but
 * not yet written is zeros. Source: `org.apache.zookeeper.server.persistence.FileTxnLog`, format version 2.
 */
export function readTransactions(file: Buffer, from = 0): { transactions: LoggedTransaction[]; next: number } {
  const transactions: LoggedTransaction[] = [];
  let position = Math.max(from, HEADER_BYTES);
  while (position + FRAME_BYTES <= file.length) {
    const length = file.readInt32BE(position + 8);
    const end = position + FRAME_BYTES + length;
    if (length <= 0 || end >= file.length || file[end] !== 0x42) break;
    transactions.push(readTransaction(file.subarray(position + FRAME_BYTES, end)));
    position = end + 1;
  }
  return { transactions, next: position };
}

function readTransaction(bytes: Buffer): LoggedTransaction {
  const reader = new JuteReader(bytes);
  const session = formatSessionId(reader.long());
  reader.int();
  const zxid = reader.long();
  const timeMs = Number(reader.long());
  const type = reader.int();
  const endsSession = type === CLOSE_SESSION;
  // Servers before 3.6 do not say which nodes go with a session.
  const gone = (): NodeChange[] => reader.strings().map((path) => ({ type: 'delete', path }));
  const changes = endsSession ? (reader.left > 0 ? gone() : []) : readChanges(type, reader, session);
  return { zxid, timeMs, session, changes, endsSession };
}

function readChanges(type: number, reader: JuteReader, session: string): NodeChange[] {
  if (CREATES.includes(type)) {
    const path = reader.string();
    reader.buffer();
    for (let rules = reader.int(); rules > 0; rules--) {
      reader.int();
      reader.string();
      reader.string();
    }
    const isEphemeral = (type === TYPE.create || type === TYPE.create2) && reader.bool();
    return [{ type: 'put', path, ...(isEphemeral && { owner: session }) }];
  }
  if (type === TYPE.delete || type === TYPE.deleteContainer) return [{ type: 'delete', path: reader.string() }];
  if (type !== TYPE.multi) return [];
  const changes: NodeChange[] = [];
  for (let parts = reader.int(); parts > 0; parts--) {
    const part = reader.int();
    changes.push(...readChanges(part, new JuteReader(reader.buffer()), session));
  }
  return changes;
}
