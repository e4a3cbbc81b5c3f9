import { createRegistry } from '../../../../lib/index.js';

// A whole program: a spec starts it with the address of a server that is not there, and sees it end by itself.
const registry = createRegistry(process.argv[2]!);
let attempts = 0;
registry.register('dubbo://a:1/program.InVain').subscribe();
registry.states.subscribe(({ status }) => {
  if (status === 'connecting' && (attempts += 1) === 2) void registry.close();
  if (status === 'closed') console.log('closed');
});
