'use strict';
// Lets one setup run at a time: a lock file that names its holder. Runs on any Node from 12 on.
// The lock appears with its content in one step (link), and a lock left by a dead process is taken
// over by exactly one successor: the one that links `lock.after-<id of the dead holder>`, because
// only who holds that name may replace `lock` while `lock` still has that id.
const fs = require('fs');
const path = require('path');

const POLL_MILLIS = 100;
const WAIT_MILLIS_MAX = 10 * 60 * 1000;

function sleep(millis) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The holder written in a lock file ("pid id"), or undefined when the file is gone. */
function readHolder(file) {
  try {
    const [pid, id] = fs.readFileSync(file, 'utf8').split(' ');
    return { pid: Number(pid), id };
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function linkIfAbsent(from, to) {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Tries once. Returns undefined when the lock is ours, else the live holder. */
function tryLock(lock, ticket) {
  const passed = [];
  let name = lock;
  while (!linkIfAbsent(ticket, name)) {
    const holder = readHolder(name);
    if (holder === undefined) {
      passed.length = 0;
      name = lock;
    } else if (isAlive(holder.pid)) {
      return holder;
    } else {
      passed.push({ file: name, id: holder.id });
      name = `${lock}.after-${holder.id}`;
    }
  }
  if (name === lock) return undefined;
  const unchanged = passed.every(({ file, id }) => (readHolder(file) || {}).id === id);
  if (!unchanged) {
    fs.unlinkSync(name);
    return tryLock(lock, ticket);
  }
  fs.renameSync(name, lock);
  for (const { file } of passed.slice(1)) fs.unlinkSync(file);
  return undefined;
}

/** Runs `work` while holding the lock in `folder`; waits for another holder, saying so once. */
function withSetupLock(folder, say, work) {
  fs.mkdirSync(folder, { recursive: true });
  const lock = path.join(folder, 'lock');
  const id = `${process.pid}-${Date.now().toString(36)}`;
  const ticket = path.join(folder, `ticket.${id}`);
  fs.writeFileSync(ticket, `${process.pid} ${id}`);
  try {
    const start = Date.now();
    for (let holder = tryLock(lock, ticket), first = true; holder; holder = tryLock(lock, ticket)) {
      if (first) say(`warrenmq setup: waiting for another setup (process ${holder.pid})...`);
      first = false;
      if (Date.now() - start > WAIT_MILLIS_MAX) {
        throw new Error(`process ${holder.pid} still holds ${lock}; stop it or delete that file`);
      }
      sleep(POLL_MILLIS);
    }
    try {
      work();
    } finally {
      fs.unlinkSync(lock);
    }
  } finally {
    fs.unlinkSync(ticket);
  }
}

module.exports = { withSetupLock };
