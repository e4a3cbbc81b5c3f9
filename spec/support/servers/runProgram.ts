import { execFile } from 'node:child_process';

/** Runs a program until it ends; returns what it wrote. Rejects with the end of its output if it failed. */
export function runProgram(program: string, args: readonly string[], folder?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: folder, maxBuffer: Infinity }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      // Some write what went wrong to the one, some to the other.
      const output = `${stderr}${stdout}`.trim();
      reject(new Error(`${[program, ...args].join(' ')} failed:\n${output || error.message}`));
    });
  });
}
