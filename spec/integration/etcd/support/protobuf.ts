/** One field of a protobuf message: a number, or the bytes of a text or message. */
export interface Field {
  readonly number: number;
  readonly value: bigint | Buffer;
}

/** Reads as much of protobuf as etcd's messages have. */
export function readFields(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    const wire = tag & 7;
    if (wire === 0) fields.push({ number, value: varint() });
    else if (wire === 2) {
      const length = Number(varint());
      fields.push({ number, value: message.subarray(at, at + length) });
      at += length;
    } else throw new Error(`There is no field of wire type ${wire} in etcd's messages`);
  }
  return fields;
}

/** The field of that number, the first if there are several. */
export function fieldOf(message: Buffer, number: number): Field['value'] | undefined {
  return readFields(message).find((field) => field.number === number)?.value;
}
