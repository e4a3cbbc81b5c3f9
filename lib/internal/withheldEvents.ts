import { quoted } from './quoted.js';

/** What to say of a directory some of whose children we may not read, where the server does not tell of those. */
export function withheldEvents(path: string): string {
  return (
    `The server does not tell what happens to some children of ${quoted(path)}, because this client may not read them: the ` +
    `directory is read again whenever one of them comes or goes, which costs more the more children it has. Give this client a ` +
    `user that may read them, or let those who make them grant everybody the right to read (with this package: acl "open").`
  );
}
