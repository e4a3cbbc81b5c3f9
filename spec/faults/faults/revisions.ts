import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Scene } from '../fault.js';

const SERVICE = 'faults.Alpha';
const STRANGERS = 20;

/** A provider of another make that registers again and again, each time before it takes the one before back. */
async function stranger(scene: Scene, number: number, revisions: number): Promise<void> {
  const { cluster } = scene;
  const key = `10.9.2.${number}:20880/${SERVICE}`;
  const pathOf = (serial: string) =>
    `/dubbo/${SERVICE}/providers/${encodeURIComponent(`dubbo://${key}?interface=${SERVICE}&serial=${serial}`)}`;
  let last: string | undefined;
  for (let count = 0; count < revisions / 2; count++) {
    const serial = `stranger${number}.${count}`;
    await cluster.put(pathOf(serial));
    if (last) await cluster.remove(pathOf(last));
    last = serial;
  }
  scene.wants(`stranger${number}`, { key, serial: last! });
  scene.after(async () => {
    await cluster.remove(pathOf(last!));
    scene.wants(`stranger${number}`);
  });
}

async function strangers(scene: Scene, revisions: number): Promise<void> {
  await Promise.all(Array.from({ length: STRANGERS }, (_, index) => stranger(scene, index + 1, revisions / STRANGERS)));
}

export const compacted: Fault = {
  name: 'the history that one process has not seen is compacted',
  only: 'etcd',
  // The others have to bear the flood.
  effect: { affected: 'all' },
  run: async (scene) => {
    scene.networks.get('A')!.blackHole('both');
    await strangers(scene, 200);
    await scene.cluster.compact();
    scene.networks.get('A')!.heal();
  },
};

export const backlog: Fault = {
  name: 'a backlog of 1,100 revisions is cut in mid-batch, three times',
  only: 'etcd',
  // The others have to bear the flood.
  effect: { affected: 'all' },
  run: async (scene) => {
    const network = scene.networks.get('A')!;
    network.blackHole('both');
    await strangers(scene, 1_100);
    network.heal();
    for (let cuts = 0; cuts < 3; cuts++) {
      network.cutAfter(20_000, 'toClient');
      await sleep(150);
    }
  },
};
