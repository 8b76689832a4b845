import type { ReactNode } from 'react';
import { Component } from 'react';
import { ProblemView } from '../ui/problem-view.tsx';
import { problemOf } from './problem.ts';

/** A screen that breaks takes nothing else with it. */
export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error: error ?? new Error('unknown') };
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    return (
      <div className="page page-narrow">
        <ProblemView
          problem={problemOf(this.state.error)}
          onRetry={() => this.setState({ error: undefined })}
          retryTitle="Show this screen again"
        />
      </div>
    );
  }
}
