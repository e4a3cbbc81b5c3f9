/** How bad a finding is: what must be mended, what should be looked at, what is good to know. */
export type Severity = 'error' | 'warning' | 'info';

/** What the doctor can find. */
interface Kind {
  readonly severity: Severity;
  /** What it means for those who use the registry. */
  readonly meaning: string;
  /** What to do about it. */
  readonly advice: string;
}

/** Everything that can be found. The names are stable: they change only with a major version. */
export const FINDINGS = {
  ADDRESS_UNREACHABLE: {
    severity: 'error',
    meaning:
      'Nothing accepts connections there, so clients lose time on it, and are left alone when the other servers go.',
    advice:
      'Check the host, the port, firewalls, and whether the server runs. Take servers that are gone out of the address.',
  },
  TLS_NOT_SPOKEN: {
    severity: 'error',
    meaning: 'The address asks for TLS, and this port does not speak it: no client can connect.',
    advice: 'Leave out tls=true, or name the port on which the server speaks TLS.',
  },
  TLS_NOT_ASKED: {
    severity: 'error',
    meaning: 'This port speaks TLS, and the address does not ask for it: no client can connect.',
    advice:
      'etcd: add tls=true to the address, and ca=<file> for an authority of your own. ZooKeeper: name its plain port.',
  },
  TLS_REFUSED: {
    severity: 'error',
    meaning: 'The TLS handshake fails: the certificate of the server or of the client is not accepted.',
    advice:
      'Name the authority in ca, the name in the certificate in serverName, and cert and key where the server asks for them.',
  },
  TLS_EXPIRES: {
    severity: 'warning',
    meaning: 'The certificate of the server ends soon: from then on no client can connect.',
    advice: 'Renew the certificate.',
  },
  NO_CONNECTION: {
    severity: 'error',
    meaning: 'There was no session in time: nobody can register or follow services there.',
    advice: 'Look at the cause. If the addresses answer, look at the log of the server; --timeout gives it more time.',
  },
  LOGIN_REFUSED: {
    severity: 'error',
    meaning: 'The server refuses the user or the password.',
    advice: 'Check user:password@ in the address, and that special characters in it are percent-encoded.',
  },
  RIGHT_MISSING: {
    severity: 'error',
    meaning: 'The user may not do that: services there are not seen, or cannot be registered.',
    advice:
      'etcd: grant the role READWRITE on the prefix. ZooKeeper: check user and password first, for it takes any password and ' +
      'then refuses nodes of others; then the ACL of the node.',
  },
  SESSION_TIMEOUT_CUT: {
    severity: 'warning',
    meaning: 'The server grants a shorter session than was asked for: shorter outages cost registrations.',
    advice: 'ZooKeeper: raise maxSessionTimeout (20 ticks by default), or ask for less with session=<ms>.',
  },
  SESSION_TIMEOUT_RAISED: {
    severity: 'warning',
    meaning: 'The server grants a longer session than was asked for: nodes of a dead process stay for that long.',
    advice:
      'ZooKeeper: lower minSessionTimeout (2 ticks by default). etcd: its shortest lease depends on the election timeout.',
  },
  SLOW_ANSWERS: {
    severity: 'warning',
    meaning: 'The server takes long to answer: changes arrive late, and sessions are at risk under load.',
    advice: 'Look at the disk of the server (both kinds write synchronously), its load, and the distance to it.',
  },
  ONE_SHOT_WATCHES: {
    severity: 'info',
    meaning: 'ZooKeeper before 3.6 has no persistent watches: each change costs as much as its directory is large.',
    advice: 'Upgrade ZooKeeper where directories have more than some hundred nodes.',
  },
  VERSION_UNTESTED: {
    severity: 'warning',
    meaning: 'Nobody has run the specs of this package on that line of the server.',
    advice: 'Run a line of docs/tested-versions.md, or try it: npm run test:versions in the repository.',
  },
  VERSION_UNKNOWN: {
    severity: 'info',
    meaning: 'The server does not tell its version.',
    advice: 'ZooKeeper: allow srvr in 4lw.commands.whitelist. etcd: let GET /version through.',
  },
  UNREADABLE_NODE: {
    severity: 'warning',
    meaning: 'No service can be read from the name of this node: clients of this package skip it, others may fail.',
    advice: 'Find out who writes it, and remove it.',
  },
  DUPLICATE_INSTANCE: {
    severity: 'warning',
    meaning:
      'Several nodes stand for one instance: after a fast restart for a session timeout, else for two processes that claim one address.',
    advice: 'If it stays, look at the pid of each node, and stop the process that should not be there.',
  },
  DIRECTORY_TOO_LARGE: {
    severity: 'error',
    meaning:
      'The names in this directory are close to, or above, the 1048575 bytes at which Java clients stop reading it.',
    advice:
      'Raise jute.maxbuffer in every Java client, write shorter URLs (simplified=true), or split the service by group.',
  },
  WEIGHT_ZERO: {
    severity: 'info',
    meaning: 'The provider gets no calls as long as others of the service weigh more.',
    advice: 'Nothing if it is meant, as before a shutdown; else publish another weight.',
  },
  WEIGHT_UNREADABLE: {
    severity: 'warning',
    meaning: 'The weight is no whole number: it counts as 100 here, and Java fails to read it.',
    advice: 'Mend the configuration of the provider.',
  },
  APPLICATION_MISSING: {
    severity: 'warning',
    meaning: 'The node says no application: rules for applications and admin consoles do not find it.',
    advice: 'Add application=<name> to the URL that is registered.',
  },
  TIMESTAMP_IN_FUTURE: {
    severity: 'warning',
    meaning:
      'The node says that it was registered later than now: a clock is wrong, and warm-up in Java gives it a wrong weight.',
    advice: 'Compare the clock of its host with this one, and synchronize them.',
  },
  PERSISTENT_PROVIDER: {
    severity: 'warning',
    meaning: 'No session holds the node, and it does not say dynamic=false: it stays when its process is gone.',
    advice: 'If the provider does not run any more, remove the node.',
  },
  NO_PROVIDER: {
    severity: 'warning',
    meaning: 'The service has consumers, and nobody provides it: their calls fail.',
    advice: 'Start a provider, or stop the consumers.',
  },
  PROVIDER_UNREACHABLE: {
    severity: 'error',
    meaning: 'The provider is registered, and nothing accepts connections on its port from here.',
    advice:
      'Check whether it runs, whether its address can be reached from here, and DUBBO_IP_TO_REGISTRY of its process.',
  },
} as const satisfies Readonly<Record<string, Kind>>;

/** The name of something that the doctor can find. */
export type FindingId = keyof typeof FINDINGS;

/** One place where something was found. */
export interface Spot {
  readonly id: FindingId;
  /** Where: an address, a path, a URL, without secrets. */
  readonly where: string;
  /** What it is there, where that differs from place to place. */
  readonly detail?: string;
}

/** All places where the same thing was found. */
export interface Finding extends Kind {
  readonly id: FindingId;
  readonly count: number;
  /** The first of them. */
  readonly spots: readonly Omit<Spot, 'id'>[];
}

/** So many places are named for each finding. */
const MOST_NAMED = 10;

const ORDER: readonly Severity[] = ['error', 'warning', 'info'];

/** What was found in all places together, the worst first. */
export function findingsOf(spots: readonly Spot[]): Finding[] {
  const byId = new Map<FindingId, Spot[]>();
  for (const spot of spots) byId.set(spot.id, [...(byId.get(spot.id) ?? []), spot]);
  return [...byId]
    .map(([id, all]) => {
      const named = all.slice(0, MOST_NAMED).map(({ where, detail }) => ({ where, ...(detail && { detail }) }));
      return { id, ...FINDINGS[id], count: all.length, spots: named };
    })
    .sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}
