import { firstValueFrom } from 'rxjs';
import { createRegistry } from '../../../lib/index.js';

// A whole program: a spec starts it with the address of a registry, and sees it end by itself.
const registry = createRegistry(process.argv[2]!);
registry.subscribe({ interface: '*' }).subscribe();
registry.register('dubbo://kept:1/program.Kept').subscribe();
await registry.provide('dubbo://a:1/program.Ends');
const told: string[] = ['registered'];
await firstValueFrom(registry.subscribe({ interface: 'program.Ends' }));
told.push('seen');
await registry.close();
told.push('closed');
console.log(told.join(', '));
