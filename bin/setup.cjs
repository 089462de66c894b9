#!/usr/bin/env node
'use strict';
// Makes a clone ready to run: installs what package-lock.json names, builds dist/ and, where there
// is a Rust toolchain, the native log, each only when needed. Runs on any Node from 12 on; called by `npm start`, `npm test`, `npm run check`.
// Invariants: nothing on stdout with --quiet; two runs at once do the work once (setup-lock.cjs);
// a stamp is written only after the work it vouches for; dist/ is replaced whole, never in place.
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');
const { findNode, missingNodeText, pinnedPackage } = require('./node-runtime.cjs');
const { buildNative, isNativeSettled } = require('./native-build.cjs');
const { withSetupLock } = require('./setup-lock.cjs');

const EXIT_FAILED = 1;
const EXIT_NOT_CONFIGURED = 78;

const root = path.dirname(__dirname);
const inRoot = (...parts) => path.join(root, ...parts);
const lockFile = inRoot('package-lock.json');
const hiddenLockFile = inRoot('node_modules', '.package-lock.json');
const setupStamp = inRoot('node_modules', '.setup-stamp');
const buildStamp = inRoot('dist', '.build-stamp');
const buildFolder = inRoot('.setup', `dist.${process.pid}`);
const quiet = process.argv.includes('--quiet');

// npm settings that an outer `npm start` exports and that would change what `npm ci` installs or
// says. Registry, cache, proxy and certificate settings are kept.
const OUTER_NPM_SETTINGS = new Set(
  (
    'loglevel silent quiet verbose json parseable global location prefix local_prefix workspace ' +
    'workspaces include_workspace_root omit include production only also dev optional dry_run ' +
    'package_lock package_lock_only ignore_scripts if_present install_strategy legacy_bundling ' +
    'global_style long depth'
  )
    .split(' ')
    .map((name) => `npm_config_${name}`),
);
const OUTER_NPM_SCRIPT = /^npm_(lifecycle|package)_/i;

class SetupError extends Error {
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

function say(text) {
  (quiet ? process.stderr : process.stdout).write(`${text}\n`);
}

function readIfPresent(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

function hash(...texts) {
  const digest = crypto.createHash('sha256');
  for (const text of texts) digest.update(`${text.length}:${text}`);
  return digest.digest('hex');
}

const removeTree = fs.rmSync
  ? (folder) => fs.rmSync(folder, { recursive: true, force: true })
  : (folder) => fs.existsSync(folder) && fs.rmdirSync(folder, { recursive: true });

/** npm writes node_modules/.package-lock.json last: the pair of locks names one finished state. */
function installFingerprint() {
  return hash(fs.readFileSync(lockFile, 'utf8'), readIfPresent(hiddenLockFile));
}

/** Whether node_modules holds every package of the lock but those for other platforms. */
function holdsLockedPackages() {
  const hidden = readIfPresent(hiddenLockFile);
  if (hidden === '') return false;
  const wanted = JSON.parse(fs.readFileSync(lockFile, 'utf8')).packages;
  const present = JSON.parse(hidden).packages;
  return Object.keys(wanted).every((name) => {
    if (name === '') return true;
    if (present[name] === undefined) return wanted[name].optional === true;
    return present[name].version === wanted[name].version;
  });
}

function isInstalled() {
  if (findNode(root) === undefined) return false;
  if (readIfPresent(setupStamp) === installFingerprint()) return true;
  if (!holdsLockedPackages()) return false;
  // Installed by hand with npm: as good as ours, so remember it.
  fs.writeFileSync(setupStamp, installFingerprint());
  return true;
}

/** npm's own script, to be run by the Node that runs npm; or `npm` from PATH outside of npm. */
function npmCommand() {
  const script = process.env.npm_execpath;
  if (script !== undefined && script.endsWith('npm-cli.js') && fs.existsSync(script)) {
    const node = process.env.npm_node_execpath;
    return [node !== undefined && fs.existsSync(node) ? node : process.execPath, script];
  }
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
}

function environmentForNpm() {
  const env = {};
  for (const name of Object.keys(process.env)) {
    if (name === 'NODE_ENV' || OUTER_NPM_SCRIPT.test(name)) continue;
    if (!OUTER_NPM_SETTINGS.has(name.toLowerCase())) env[name] = process.env[name];
  }
  // `npm ci` deletes node_modules: a `node` found in node_modules/.bin would go while it runs.
  const own = inRoot('node_modules', '.bin');
  env.PATH = (env.PATH || '')
    .split(path.delimiter)
    .filter((each) => each !== own)
    .join(path.delimiter);
  return env;
}

function install() {
  const pinned = `node_modules/${pinnedPackage(process.platform, process.arch)}`;
  const locked = JSON.parse(fs.readFileSync(lockFile, 'utf8')).packages;
  if (findNode(root) === undefined && locked[pinned] === undefined) {
    throw new SetupError(missingNodeText(), EXIT_NOT_CONFIGURED);
  }
  say('warrenmq setup: installing dependencies (npm ci, once per change of package-lock.json)...');
  const [command, ...first] = npmCommand();
  const result = spawnSync(
    command,
    first.concat(
      'ci',
      '--ignore-scripts',
      '--include=dev',
      '--include=optional',
      '--loglevel=error',
    ),
    { cwd: root, env: environmentForNpm(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  );
  if (result.error !== undefined || result.status !== 0) {
    const reason = result.error ? result.error.message : `${result.stdout}${result.stderr}`.trim();
    throw new SetupError(
      `\`npm ci\` failed:\n${reason.replace(/^/gm, '  ')}\n` +
        'Check that npm is on PATH and that its registry can be reached (`npm ping`), then run ' +
        `\`npm ci\` in ${root} to see the whole error.`,
      EXIT_FAILED,
    );
  }
  if (findNode(root) === undefined) throw new SetupError(missingNodeText(), EXIT_NOT_CONFIGURED);
  fs.writeFileSync(setupStamp, installFingerprint());
}

/** One line per source file: any edit, addition or removal changes the result. */
function sourceFingerprint() {
  const lines = [];
  const add = (file) => {
    const { size, mtimeMs } = fs.statSync(inRoot(file));
    lines.push(`${file} ${size} ${mtimeMs}`);
  };
  const walk = (folder) => {
    if (!fs.existsSync(inRoot(folder))) return;
    for (const entry of fs.readdirSync(inRoot(folder), { withFileTypes: true })) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(name);
      else if (/\.(ts|json)$/.test(entry.name)) add(name);
    }
  };
  for (const folder of ['src', 'shards', 'bench']) walk(folder);
  for (const file of ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json']) add(file);
  return hash(lines.sort().join('\n'));
}

function isBuilt() {
  return readIfPresent(buildStamp) === sourceFingerprint();
}

function build() {
  say('warrenmq setup: building dist/ (the sources have changed)...');
  // Taken before the compiler reads: an edit made meanwhile is seen by the next run.
  const fingerprint = sourceFingerprint();
  const compiler = inRoot('node_modules', 'typescript', 'bin', 'tsc');
  const options = ['-p', inRoot('tsconfig.build.json'), '--outDir', buildFolder];
  const result = spawnSync(findNode(root), [compiler].concat(options), {
    cwd: root,
    encoding: 'utf8',
  });
  if (result.error !== undefined || result.status !== 0) {
    removeTree(buildFolder);
    const reason = result.error ? result.error.message : `${result.stdout}${result.stderr}`.trim();
    throw new SetupError(
      `the build failed:\n${reason.replace(/^/gm, '  ')}\n` +
        'Correct the errors above; `npm run types` shows them again.',
      EXIT_FAILED,
    );
  }
  fs.writeFileSync(path.join(buildFolder, '.build-stamp'), fingerprint);
  removeTree(inRoot('dist'));
  fs.renameSync(buildFolder, inRoot('dist'));
}

/** Never a reason to stop: without the addon the portable log does the same work. */
function buildNativeLog() {
  say('warrenmq setup: building the native log (cargo, its sources have changed)...');
  const reason = buildNative(root);
  if (reason !== '') say(`warrenmq setup: the portable log will be used: ${reason}`);
}

try {
  if (!isInstalled() || !isBuilt() || !isNativeSettled(root)) {
    withSetupLock(inRoot('.setup'), say, () => {
      if (!isInstalled()) install();
      if (!isBuilt()) build();
      if (!isNativeSettled(root)) buildNativeLog();
    });
  }
} catch (error) {
  const text = error instanceof SetupError ? error.message : error.stack;
  process.stderr.write(`warrenmq setup: ${text}\n`);
  process.exitCode = error instanceof SetupError ? error.exitCode : EXIT_FAILED;
}
