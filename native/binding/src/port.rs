//! How the log's threads reach JavaScript: one thread-safe function per log.
//!
//! Events gather in a mailbox; the first one schedules a call, which delivers all that are there by
//! then. The function is referenced while something is under way and unreferenced otherwise, so that
//! a log at rest does not keep its thread's event loop alive.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use napi::bindgen_prelude::Result;
use napi::{Error, Status, sys};
use warrenmq_log::engine::{Answer, Listener};
use warrenmq_log::scan::Scan;

/// First arguments of the callback; src/log/native/native-log.ts has the same.
const PROGRESS: u32 = 0;
const READ: u32 = 1;
const PACKED: u32 = 2;
const SPACE: u32 = 3;
const FAILURE: u32 = 4;
const BEGUN: u32 = 5;
const SCANNED: u32 = 6;
const DONE: u32 = 7;
const REFUSED: u32 = 8;

#[derive(Default)]
struct Mailbox {
    is_scheduled: bool,
    progress: Option<(u64, u64)>,
    reads: Vec<u64>,
    packs: Vec<u64>,
    space: Option<bool>,
    failure: Option<String>,
    answers: Vec<(u32, std::result::Result<Answer, String>)>,
}

struct Function(sys::napi_threadsafe_function);

// SAFETY: made to be called from any thread; what else is done with it happens on its own thread.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Sync for Function {}

/// What is under way. Changed on the JavaScript thread only; atomic because the port is shared.
#[derive(Default)]
struct Pending {
    /// Answers, reads and packs.
    calls: AtomicU64,
    submitted_batch: AtomicU64,
    synced_batch: AtomicU64,
    has_failed: AtomicBool,
    is_referenced: AtomicBool,
    /// The function was given back.
    is_over: AtomicBool,
}

impl Pending {
    fn is_any(&self) -> bool {
        let is_unsynced = self.synced_batch.load(Ordering::Relaxed)
            < self.submitted_batch.load(Ordering::Relaxed);
        self.calls.load(Ordering::Relaxed) > 0
            || is_unsynced && !self.has_failed.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
pub struct Port {
    mailbox: Mutex<Mailbox>,
    function: OnceLock<Function>,
    pending: Pending,
}

fn checked(status: sys::napi_status, what: &str) -> Result<()> {
    if status == sys::Status::napi_ok {
        return Ok(());
    }
    Err(Error::new(Status::from(status), format!("{what} failed")))
}

impl Port {
    /// The port to a callback `(kind, a, b) => void`.
    pub fn open(env: sys::napi_env, callback: sys::napi_value) -> Result<Arc<Port>> {
        let port = Arc::new(Port::default());
        let mut name = ptr::null_mut();
        let mut function = ptr::null_mut();
        // SAFETY: handles of this call; the context is a count of the Arc that `finalize` gives back.
        unsafe {
            let text = "warrenmq-log";
            let length = text.len() as isize;
            let status = sys::napi_create_string_utf8(env, text.as_ptr().cast(), length, &mut name);
            checked(status, "naming the log's callback")?;
            let context = Arc::into_raw(port.clone()).cast_mut().cast::<c_void>();
            let status = sys::napi_create_threadsafe_function(
                env,
                callback,
                ptr::null_mut(),
                name,
                0,
                1,
                context,
                Some(finalize),
                context,
                Some(deliver),
                &mut function,
            );
            if status != sys::Status::napi_ok {
                drop(Arc::from_raw(context.cast::<Port>()));
            }
            checked(status, "making the log's callback")?;
            checked(sys::napi_unref_threadsafe_function(env, function), "unreferencing")?;
        }
        let _ = port.function.set(Function(function));
        Ok(port)
    }

    /// An answer, a read or a pack will come.
    pub fn await_call(&self, env: sys::napi_env) {
        self.pending.calls.fetch_add(1, Ordering::Relaxed);
        self.refer(env);
    }

    /// A batch was submitted.
    pub fn await_batch(&self, env: sys::napi_env, number: u64) {
        self.pending.submitted_batch.store(number, Ordering::Relaxed);
        self.refer(env);
    }

    /// Keeps the thread's event loop alive while something is under way.
    fn refer(&self, env: sys::napi_env) {
        if self.pending.is_over.load(Ordering::Relaxed) {
            return;
        }
        let is_any = self.pending.is_any();
        let was_any = self.pending.is_referenced.swap(is_any, Ordering::Relaxed);
        let Some(function) = self.function.get().filter(|_| is_any != was_any) else { return };
        // SAFETY: on the JavaScript thread, before the function is released.
        unsafe {
            if is_any {
                sys::napi_ref_threadsafe_function(env, function.0);
            } else {
                sys::napi_unref_threadsafe_function(env, function.0);
            }
        }
    }

    /// Notes what a mailbox brings, before its callbacks may ask for more.
    fn settle(&self, env: sys::napi_env, mailbox: &Mailbox) {
        let calls = mailbox.reads.len() + mailbox.packs.len() + mailbox.answers.len();
        self.pending.calls.fetch_sub(calls as u64, Ordering::Relaxed);
        if let Some((_, synced)) = mailbox.progress {
            self.pending.synced_batch.store(synced, Ordering::Relaxed);
        }
        if mailbox.failure.is_some() {
            self.pending.has_failed.store(true, Ordering::Relaxed);
        }
        self.refer(env);
    }

    /// Gives the function back. No thread may post any more.
    pub fn release(&self) {
        if self.pending.is_over.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(function) = self.function.get() {
            let mode = sys::ThreadsafeFunctionReleaseMode::abort;
            // SAFETY: the count that `open` took.
            unsafe { sys::napi_release_threadsafe_function(function.0, mode) };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn post(&self, put: impl FnOnce(&mut Mailbox)) {
        let mut mailbox = self.lock();
        put(&mut mailbox);
        if std::mem::replace(&mut mailbox.is_scheduled, true) {
            return;
        }
        if let Some(function) = self.function.get() {
            let mode = sys::ThreadsafeFunctionCallMode::nonblocking;
            // SAFETY: the log's threads are joined before the function goes.
            unsafe { sys::napi_call_threadsafe_function(function.0, ptr::null_mut(), mode) };
        }
    }
}

impl Listener for Port {
    fn progress(&self, written: u64, synced: u64) {
        self.post(|mailbox| mailbox.progress = Some((written, synced)));
    }

    fn read_done(&self, number: u64) {
        self.post(|mailbox| mailbox.reads.push(number));
    }

    fn packed(&self, number: u64) {
        self.post(|mailbox| mailbox.packs.push(number));
    }

    fn space(&self, is_short: bool) {
        self.post(|mailbox| mailbox.space = Some(is_short));
    }

    fn failed(&self, reason: String) {
        self.post(|mailbox| mailbox.failure = Some(reason));
    }

    fn answer(&self, request: u32, answer: std::result::Result<Answer, String>) {
        self.post(|mailbox| mailbox.answers.push((request, answer)));
    }
}

unsafe extern "C" fn finalize(_: sys::napi_env, context: *mut c_void, _: *mut c_void) {
    // SAFETY: the count that `open` gave away.
    drop(unsafe { Arc::from_raw(context.cast::<Port>()) });
}

/// Called by Node on the JavaScript thread; without an environment when that is being torn down.
unsafe extern "C" fn deliver(
    env: sys::napi_env,
    callback: sys::napi_value,
    context: *mut c_void,
    _: *mut c_void,
) {
    if env.is_null() || callback.is_null() {
        return;
    }
    // SAFETY: `open` gave a count of the Arc away, and `finalize` has not come yet.
    let port = unsafe { &*context.cast::<Port>() };
    let mailbox = std::mem::take(&mut *port.lock());
    port.settle(env, &mailbox);
    let call = Call { env, callback };
    let delivered = deliver_all(&call, mailbox);
    if delivered.is_err() {
        call.report();
    }
}

fn deliver_all(call: &Call, mailbox: Mailbox) -> Result<()> {
    if let Some((written, synced)) = mailbox.progress {
        call.event(PROGRESS, call.number(written as f64)?, call.number(synced as f64)?)?;
    }
    for number in mailbox.reads {
        call.event(READ, call.number(number as f64)?, ptr::null_mut())?;
    }
    for number in mailbox.packs {
        call.event(PACKED, call.number(number as f64)?, ptr::null_mut())?;
    }
    if let Some(is_short) = mailbox.space {
        call.event(SPACE, call.number(f64::from(u8::from(is_short)))?, ptr::null_mut())?;
    }
    if let Some(reason) = mailbox.failure {
        call.event(FAILURE, call.text(&reason)?, ptr::null_mut())?;
    }
    for (request, answer) in mailbox.answers {
        let request = call.number(f64::from(request))?;
        match answer {
            Ok(Answer::Begun(position)) => {
                call.event(BEGUN, request, call.number(position as f64)?)?;
            }
            Ok(Answer::Scanned(scan)) => call.event(SCANNED, request, call.scan(&scan)?)?,
            Ok(Answer::Done) => call.event(DONE, request, ptr::null_mut())?,
            Err(text) => call.event(REFUSED, request, call.text(&text)?)?,
        }
    }
    Ok(())
}

/// Values for, and calls of, the JavaScript callback.
struct Call {
    env: sys::napi_env,
    callback: sys::napi_value,
}

// All of these use handles of the call into JavaScript that is under way.
impl Call {
    fn undefined(&self) -> Result<sys::napi_value> {
        let mut value = ptr::null_mut();
        // SAFETY: see above.
        checked(unsafe { sys::napi_get_undefined(self.env, &mut value) }, "undefined")?;
        Ok(value)
    }

    fn number(&self, number: f64) -> Result<sys::napi_value> {
        let mut value = ptr::null_mut();
        // SAFETY: see above.
        checked(unsafe { sys::napi_create_double(self.env, number, &mut value) }, "a number")?;
        Ok(value)
    }

    fn text(&self, text: &str) -> Result<sys::napi_value> {
        let mut value = ptr::null_mut();
        let (data, bytes) = (text.as_ptr().cast(), text.len() as isize);
        // SAFETY: see above; the text is copied.
        let status = unsafe { sys::napi_create_string_utf8(self.env, data, bytes, &mut value) };
        checked(status, "a string")?;
        Ok(value)
    }

    fn words(&self, words: &[i32]) -> Result<sys::napi_value> {
        let mut data = ptr::null_mut();
        let mut buffer = ptr::null_mut();
        let mut value = ptr::null_mut();
        let bytes = size_of_val(words);
        // SAFETY: see above; the buffer is new and exactly as long as the words.
        unsafe {
            let status = sys::napi_create_arraybuffer(self.env, bytes, &mut data, &mut buffer);
            checked(status, "an ArrayBuffer")?;
            if bytes > 0 {
                ptr::copy_nonoverlapping(words.as_ptr().cast::<u8>(), data.cast(), bytes);
            }
            let kind = sys::TypedarrayType::int32_array;
            let length = words.len();
            let status = sys::napi_create_typedarray(self.env, kind, length, buffer, 0, &mut value);
            checked(status, "an Int32Array")?;
        }
        Ok(value)
    }

    /// `Scan` in src/log/log.ts, with `corrupt` as an Int32Array.
    fn scan(&self, scan: &Scan) -> Result<sys::napi_value> {
        let corrupt: Vec<i32> =
            scan.corrupt.iter().flat_map(|&(from, to)| [from as i32, to as i32]).collect();
        let fields = [
            (c"entries", self.words(&scan.entries)?),
            (c"end", self.number(scan.end as f64)?),
            (c"tornAt", self.number(scan.torn_at.map_or(-1.0, |at| at as f64))?),
            (c"corrupt", self.words(&corrupt)?),
        ];
        let mut object = ptr::null_mut();
        // SAFETY: see above.
        unsafe {
            checked(sys::napi_create_object(self.env, &mut object), "an object")?;
            for (name, value) in fields {
                let status = sys::napi_set_named_property(self.env, object, name.as_ptr(), value);
                checked(status, "a property")?;
            }
        }
        Ok(object)
    }

    fn event(&self, kind: u32, a: sys::napi_value, b: sys::napi_value) -> Result<()> {
        let undefined = self.undefined()?;
        let b = if b.is_null() { undefined } else { b };
        let arguments = [self.number(f64::from(kind))?, a, b];
        // SAFETY: see above.
        let status = unsafe {
            sys::napi_call_function(
                self.env,
                undefined,
                self.callback,
                arguments.len(),
                arguments.as_ptr(),
                ptr::null_mut(),
            )
        };
        checked(status, "calling back")
    }

    /// Hands an exception of the callback to Node as an uncaught one. Nothing while the thread is
    /// being terminated.
    fn report(&self) {
        let mut is_pending = false;
        let mut exception = ptr::null_mut();
        // SAFETY: see above.
        unsafe {
            sys::napi_is_exception_pending(self.env, &mut is_pending);
            if is_pending
                && sys::napi_get_and_clear_last_exception(self.env, &mut exception)
                    == sys::Status::napi_ok
            {
                sys::napi_fatal_exception(self.env, exception);
            }
        }
    }
}
