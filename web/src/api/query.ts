// The one query cache: server data lives here and nowhere else.
import { QueryClient } from '@tanstack/react-query';
import { asProblem } from './problem';

const TRIES_MAX = 2;
/** The server has waited already, for long: asked again at once, it only has less room. */
const MEMORY_BUSY = 'dataset.memory_busy';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      gcTime: 5 * 60_000,
      // A refusal is an answer; only silence and "not now" are tried again.
      retry: (count, error) => {
        const { status, code } = asProblem(error);
        if (code === MEMORY_BUSY) return false;
        return count < TRIES_MAX && (status === 0 || status === 503 || status === 504);
      },
      retryDelay: (count) => 300 * 2 ** count,
      refetchOnWindowFocus: true,
      networkMode: 'always',
    },
    mutations: { retry: false, networkMode: 'always' },
  },
});
