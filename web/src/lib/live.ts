// The tab's one live socket: subscribes to topics, resumes where it stopped, and tells listeners. Holds no data itself.
import { useEffect, useRef, useSyncExternalStore } from 'react';

export interface LiveEvent {
  position: number;
  kind: string;
  subject: string;
  time: string;
  data: Record<string, unknown>;
}

export interface LiveTell {
  topic: string;
  kind: string;
  data: Record<string, unknown>;
}

export interface LiveListener {
  event?: (event: LiveEvent) => void;
  tell?: (tell: LiveTell) => void;
  /** Some events are lost for good: fetch again what is on screen. */
  reset?: () => void;
  /** Events come from here on; what was fetched before may have missed some. */
  subscribed?: () => void;
}

export type LiveStatus = { state: 'idle' | 'connecting' | 'live' | 'away'; since: number };

type Frame =
  | { type: 'welcome'; position: number }
  | { type: 'subscribed'; topics: string[]; position: number }
  | ({ type: 'event'; topic: string } & LiveEvent)
  | ({ type: 'tell' } & LiveTell)
  | { type: 'reset'; position: number }
  | { type: 'refused'; topic: string; code: string; detail: string }
  | { type: 'pong' };

const BACKOFF_FIRST_MS = 300;
const BACKOFF_MAX_MS = 15_000;
const PING_EVERY_MS = 25_000;
const PONG_WITHIN_MS = 10_000;
const CLOSE_SESSION_ENDED = 4001;
const CLOSE_SESSION_REPLACED = 4003;
const CLOSE_SLOW = 4008;
/** So often the socket is tried with whatever cookie there is before a replaced session is taken for one that ended: some ten seconds. */
const REPLACED_TRIES = 5;

class Live {
  private socket: WebSocket | null = null;
  private wanted = new Map<string, Set<LiveListener>>();
  private position: number | null = null;
  private failures = 0;
  private retry: number | undefined;
  private ping: number | undefined;
  private pong: number | undefined;
  private running = false;
  private elsewhere = false;
  private current: LiveStatus = { state: 'idle', since: Date.now() };
  private watchers = new Set<() => void>();
  /** Asked when the socket cannot be opened, the session ended or went elsewhere: is it still good, and for whom? */
  onDoubt: (() => void) | null = null;

  start(): void {
    if (this.running) return;
    this.running = true;
    window.addEventListener('online', this.nudge);
    document.addEventListener('visibilitychange', this.nudge);
    this.open();
  }

  /** Ends the socket and forgets the position: positions belong to one company. */
  stop(): void {
    this.running = false;
    window.removeEventListener('online', this.nudge);
    document.removeEventListener('visibilitychange', this.nudge);
    window.clearTimeout(this.retry);
    this.drop();
    this.position = null;
    this.elsewhere = false;
    this.failures = 0;
    this.become('idle');
  }

  restart(): void {
    this.stop();
    this.start();
  }

  listen(topic: string, listener: LiveListener): () => void {
    const there = this.wanted.get(topic);
    const listeners = there ?? new Set<LiveListener>();
    listeners.add(listener);
    if (!there) {
      this.wanted.set(topic, listeners);
      this.subscribe([topic]);
    }
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.wanted.get(topic) !== listeners) return;
      this.wanted.delete(topic);
      this.send({ type: 'unsubscribe', topics: [topic] });
    };
  }

  status = (): LiveStatus => this.current;

  watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  private become(state: LiveStatus['state']): void {
    if (this.current.state === state) return;
    this.current = { state, since: Date.now() };
    for (const watcher of this.watchers) watcher();
  }

  private nudge = (): void => {
    if (document.visibilityState !== 'visible' || !this.running) return;
    if (this.socket) this.beat();
    else this.open();
  };

  private open(): void {
    window.clearTimeout(this.retry);
    if (this.socket) return;
    if (this.current.state !== 'away') this.become('connecting');
    const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${window.location.host}/v1/live`);
    this.socket = socket;
    socket.onopen = () => {
      this.subscribe([...this.wanted.keys()]);
      this.ping = window.setInterval(() => this.beat(), PING_EVERY_MS);
    };
    socket.onmessage = (message) => {
      if (this.socket === socket) this.take(JSON.parse(String(message.data)) as Frame);
    };
    socket.onclose = (close) => {
      if (this.socket === socket) this.closed(close.code);
    };
  }

  private closed(code: number): void {
    this.drop();
    if (!this.running) return;
    this.become('away');
    if (code === CLOSE_SESSION_REPLACED) {
      // By a switch or another password, in this tab or in another; the new cookie may still be on the way, so who we are is asked
      // once the socket is open again.
      this.position = null;
      this.elsewhere = true;
    }
    const patience = this.elsewhere ? REPLACED_TRIES : 0;
    if (code === CLOSE_SESSION_ENDED || this.failures > patience) this.onDoubt?.();
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.failures);
    const wait = code === CLOSE_SLOW ? BACKOFF_FIRST_MS : ceiling / 2 + (Math.random() * ceiling) / 2;
    this.failures += 1;
    this.retry = window.setTimeout(() => this.open(), wait);
  }

  private drop(): void {
    window.clearInterval(this.ping);
    window.clearTimeout(this.pong);
    this.pong = undefined;
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  private beat(): void {
    if (this.pong !== undefined) return;
    this.send({ type: 'ping' });
    this.pong = window.setTimeout(() => this.closed(0), PONG_WITHIN_MS);
  }

  private subscribe(topics: string[]): void {
    if (topics.length > 0) this.send({ type: 'subscribe', topics, after: this.position });
  }

  private send(frame: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  private take(frame: Frame): void {
    switch (frame.type) {
      case 'welcome':
        this.position ??= frame.position;
        this.failures = 0;
        this.become('live');
        if (this.elsewhere) this.onDoubt?.();
        this.elsewhere = false;
        return;
      case 'event':
        this.deliver(frame);
        return;
      case 'tell':
        for (const listener of this.wanted.get(frame.topic) ?? []) listener.tell?.(frame);
        return;
      case 'reset':
        this.position = frame.position;
        for (const listeners of this.wanted.values()) for (const one of listeners) one.reset?.();
        return;
      case 'pong':
        window.clearTimeout(this.pong);
        this.pong = undefined;
        return;
      case 'subscribed':
        for (const topic of frame.topics)
          for (const listener of this.wanted.get(topic) ?? []) listener.subscribed?.();
        return;
      case 'refused':
        return;
    }
  }

  /** One event may come once per topic; its position says whether it was seen. */
  private deliver(event: LiveEvent): void {
    if (this.position !== null && event.position <= this.position) return;
    this.position = event.position;
    const area = event.kind.split('.', 1)[0] ?? '';
    for (const topic of [area, `${area}.${event.subject}`]) {
      for (const listener of this.wanted.get(topic) ?? []) listener.event?.(event);
    }
  }
}

export const live = new Live();

/** Listens to a topic while the component is there; the latest listener is called. */
export function useLive(topic: string | null, listener: LiveListener): void {
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(() => {
    if (topic === null) return;
    return live.listen(topic, {
      event: (event) => latest.current.event?.(event),
      tell: (tell) => latest.current.tell?.(tell),
      reset: () => latest.current.reset?.(),
      subscribed: () => latest.current.subscribed?.(),
    });
  }, [topic]);
}

export function useLiveStatus(): LiveStatus {
  return useSyncExternalStore(live.watch, live.status);
}
