'use strict';
// Builds the native module (native/, Rust) into native/warrenmq.node, where there is a Rust
// toolchain. Used by setup.cjs and `npm run build:native`; runs on any Node from 12 on.
// Invariants: the addon is replaced whole, never in place; the stamp beside it names the sources it
// was built from, or that could not be built, so that a failure is met once per change of them.
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');

const PACKAGE = 'warrenmq-binding';
const LIBRARY = PACKAGE.replace(/-/g, '_');
const BUILT = 'built';
const FAILED = 'failed';
const NO_CARGO = 'no-cargo';

function libraryName(platform) {
  if (platform === 'win32') return `${LIBRARY}.dll`;
  return platform === 'darwin' ? `lib${LIBRARY}.dylib` : `lib${LIBRARY}.so`;
}

function places(root) {
  const home = path.join(root, 'native');
  return {
    home,
    addon: path.join(home, 'warrenmq.node'),
    stamp: path.join(home, 'target', '.addon-stamp'),
    library: path.join(home, 'target', 'release', libraryName(process.platform)),
  };
}

/** A digest of what the addon is built from: a clone made anew has the same one. */
function sourceFingerprint(home) {
  const digest = crypto.createHash('sha256');
  const walk = (folder) => {
    const entries = fs.readdirSync(path.join(home, folder), { withFileTypes: true });
    for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && name !== 'target') walk(name);
      else if (/\.(rs|toml|lock)$/.test(name)) {
        const text = fs.readFileSync(path.join(home, name));
        digest.update(`${name} ${text.length}\n`);
        digest.update(text);
      }
    }
  };
  for (const folder of ['core', 'binding']) walk(folder);
  for (const file of ['Cargo.toml', 'Cargo.lock']) {
    digest.update(fs.readFileSync(path.join(home, file)));
  }
  return digest.digest('hex');
}

function readStamp(stamp) {
  try {
    return fs.readFileSync(stamp, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

/** The cargo of PATH, or of rustup's own place; undefined when there is none. */
function findCargo() {
  const file = process.platform === 'win32' ? 'cargo.exe' : 'cargo';
  const folders = (process.env.PATH || '').split(path.delimiter);
  if (process.env.HOME) folders.push(path.join(process.env.HOME, '.cargo', 'bin'));
  return folders.map((folder) => path.join(folder, file)).find((each) => fs.existsSync(each));
}

/** Whether there is nothing to do: built from these sources, or tried in vain. */
function isNativeSettled(root) {
  const { home, addon, stamp } = places(root);
  if (!fs.existsSync(path.join(home, 'Cargo.toml'))) return true;
  const [outcome, fingerprint] = readStamp(stamp).split(' ');
  if (fingerprint !== sourceFingerprint(home)) return false;
  if (outcome === NO_CARGO) return findCargo() === undefined;
  return outcome === FAILED || fs.existsSync(addon);
}

/** Builds the addon. Returns why it could not be built, empty when it was. */
function buildNative(root) {
  const { home, addon, stamp, library } = places(root);
  const fingerprint = sourceFingerprint(home);
  const settle = (outcome) => {
    fs.mkdirSync(path.dirname(stamp), { recursive: true });
    // One that is left over from other sources would be another log than the one tested here.
    if (outcome !== BUILT && fs.existsSync(addon)) fs.unlinkSync(addon);
    fs.writeFileSync(stamp, `${outcome} ${fingerprint}`);
  };
  const cargo = findCargo();
  if (cargo === undefined) {
    settle(NO_CARGO);
    return 'there is no cargo (Rust) on this machine';
  }
  const target = path.dirname(stamp);
  const args = ['--manifest-path', path.join(home, 'Cargo.toml'), '--target-dir', target];
  const result = spawnSync(
    cargo,
    ['build', '--release', '--locked', '--quiet', '-p', PACKAGE].concat(args),
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  );
  if (result.error !== undefined || result.status !== 0) {
    settle(FAILED);
    const reason = result.error ? result.error.message : result.stderr.trim();
    return `cargo failed:\n${reason.replace(/^/gm, '  ')}`;
  }
  const fresh = `${addon}.${process.pid}`;
  fs.copyFileSync(library, fresh);
  fs.renameSync(fresh, addon);
  settle(BUILT);
  return '';
}

module.exports = { buildNative, findCargo, isNativeSettled };

if (require.main === module) {
  const reason = buildNative(path.dirname(__dirname));
  if (reason !== '') {
    process.stderr.write(`warrenmq: the native log cannot be built: ${reason}\n`);
    process.exitCode = 1;
  }
}
