// Loads the native addon (native/binding, Rust), which bin/setup.cjs builds where there is a Rust
// toolchain. Any thread. Without it its users do the same by other means, or go without. What it
// offers is described where it is used: src/log/native/addon.ts, src/acceptor/loopback.ts.
import { createRequire } from 'node:module';
import path from 'node:path';

const FILE = 'native/warrenmq.node';
/** From here to the repository's root: as a source, and compiled into dist. */
const ROOTS = ['../..', '../../..'];

let loaded: unknown;
let reason = '';

function tryLoad(): void {
  const require = createRequire(import.meta.url);
  for (const root of ROOTS) {
    try {
      // oxlint-disable-next-line import/no-dynamic-require -- sources and dist lie at two depths
      loaded = require(path.join(import.meta.dirname, root, FILE)) as unknown;
      return;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      reason = code === 'MODULE_NOT_FOUND' ? `${FILE} has not been built` : message;
      if (code !== 'MODULE_NOT_FOUND') return;
    }
  }
}

/** What it exports, or undefined where it has not been built or cannot be loaded. */
export function loadAddon(): unknown {
  if (loaded === undefined && reason === '') tryLoad();
  return loaded;
}

/** Why there is none, for the broker's log; empty when there is one. */
export function missingAddonReason(): string {
  return loadAddon() === undefined ? reason : '';
}
