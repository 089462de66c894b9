// The version of WarrenMQ, from its package.json. Any thread; read once and kept by the caller.
// The file is looked for upwards from here, since this runs from src/ and from dist/src/ alike.
import { readFileSync } from 'node:fs';

export function productVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'));
      if (manifest.name === 'warrenmq') return String(manifest.version);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error('package.json of warrenmq is missing beside src/ or dist/: install it again');
}
