//go:build !nostack

// fountain stack: FountainStacks in a Kubernetes cluster, seen from outside.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	wrapping "github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"

	"fountain.coach/fountainai/internal/stackctl"
	"fountain.coach/fountainai/operator/api/v1alpha1"
)

type stackOptions struct {
	kubeconfig, context, namespace string
	json                           bool
}

// newStackCommand returns the commands for clusters. Images of the fountain
// command leave them out (the build tag nostack): a container has no use for
// them, and they would double its size.
func newStackCommand() *cobra.Command {
	var options stackOptions
	command := &cobra.Command{Use: "stack", Short: "Look at FountainStacks in a Kubernetes cluster"}
	flags := command.PersistentFlags()
	flags.StringVar(&options.kubeconfig, "kubeconfig", "", "file that says where the cluster is (default $KUBECONFIG or ~/.kube/config)")
	flags.StringVar(&options.context, "context", "", "context in that file (default the current one)")
	flags.StringVarP(&options.namespace, "namespace", "n", "", "namespace (default that of the context)")
	flags.BoolVar(&options.json, "json", false, "print JSON")
	command.AddCommand(newStackStatusCommand(&options), newStackDiffCommand(&options))
	return command
}

func newStackStatusCommand(options *stackOptions) *cobra.Command {
	var everywhere bool
	var wait time.Duration
	command := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Show a stack: its services, conditions and what is wrong; without a name, all stacks",
		Long: `Show a stack: its services, their addresses and images, its conditions and what is
wrong. Without a name, list all stacks. The exit status is 0 only if all that is
shown is ready.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			cluster, err := stackctl.Connect(options.kubeconfig, options.context, options.namespace)
			if err != nil {
				return err
			}
			if everywhere {
				if len(args) > 0 {
					return errors.New("a name and --all-namespaces do not go together: give the namespace of the stack with -n")
				}
				cluster.Namespace = ""
			}
			if len(args) == 0 {
				return listStacks(command.Context(), command.OutOrStdout(), cluster, options.json)
			}
			return stackStatus(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), cluster, args[0], wait, options.json)
		},
	}
	command.Flags().BoolVarP(&everywhere, "all-namespaces", "A", false, "list the stacks of all namespaces")
	command.Flags().DurationVar(&wait, "wait", 0, "wait so long for the stack to become ready, such as 5m")
	return command
}

func listStacks(ctx context.Context, stdout io.Writer, cluster *stackctl.Cluster, asJSON bool) error {
	stacks, err := cluster.List(ctx)
	if err != nil {
		return err
	}
	for i := range stacks {
		err = errors.Join(err, notReady(&stacks[i]))
	}
	if asJSON {
		return errors.Join(json.NewEncoder(stdout).Encode(stacks), err)
	}
	if len(stacks) == 0 {
		_, err := fmt.Fprintln(stdout, "There are no stacks here; -A looks in all namespaces.")
		return err
	}
	t := newTable(stdout)
	t.AppendHeader(table.Row{"Namespace", "Stack", "Domain", "Version", "Services", "Ready", "Age"})
	for _, stack := range stacks {
		t.AppendRow(table.Row{stack.Namespace, stack.Name, stack.Spec.Domain, stack.Status.Version, stack.Status.Ready,
			readiness(&stack), humanize.Time(stack.CreationTimestamp.Time)})
	}
	t.Render()
	return err
}

// stackStatus prints a stack and, if there is time to wait, does so until it is ready.
func stackStatus(ctx context.Context, stdout, stderr io.Writer, cluster *stackctl.Cluster, name string, wait time.Duration, asJSON bool) error {
	deadline := time.Now().Add(wait)
	said := ""
	for {
		stack, err := cluster.Get(ctx, name)
		if err != nil {
			return err
		}
		trouble := notReady(stack)
		if trouble == nil || time.Now().After(deadline) {
			if asJSON {
				return errors.Join(json.NewEncoder(stdout).Encode(stack), trouble)
			}
			printStack(stdout, stack)
			if trouble != nil {
				trouble = fmt.Errorf("%s is not ready", name) // the tables say why
			}
			return trouble
		}
		if trouble.Error() != said {
			said = trouble.Error()
			fmt.Fprintf(stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), said)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// notReady is why a stack is not ready, or nil.
func notReady(stack *v1alpha1.FountainStack) error {
	condition := meta.FindStatusCondition(stack.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case stack.Spec.Suspend:
		return nil // it is what its owner wants it to be
	case condition == nil:
		return fmt.Errorf("%s: the operator has not looked at it yet; is it running? (kubectl -n fountain-system get pods)", stack.Name)
	case stack.Status.ObservedGeneration < stack.Generation:
		return fmt.Errorf("%s: the operator has not seen the last change yet", stack.Name)
	case condition.Status != "True":
		return fmt.Errorf("%s is not ready: %s", stack.Name, condition.Message)
	}
	return nil
}

func readiness(stack *v1alpha1.FountainStack) string {
	condition := meta.FindStatusCondition(stack.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case condition == nil:
		return "unknown"
	case condition.Status == "True":
		return "yes"
	}
	return "no: " + condition.Reason
}

func printStack(w io.Writer, stack *v1alpha1.FountainStack) {
	version := cmp.Or(stack.Status.Version, "none yet")
	if next := cmp.Or(stack.Spec.Version, stack.Status.OperatorVersion); next != stack.Status.Version {
		version += ", on its way to " + next
	}
	fmt.Fprintf(w, "%s/%s  %s  version %s  %s services ready\n\n", stack.Namespace, stack.Name, stack.Spec.Domain, version, cmp.Or(stack.Status.Ready, "no"))
	services := newTable(w)
	services.AppendHeader(table.Row{"Service", "Ready", "Image", "Address", "What is wrong"})
	services.SetColumnConfigs([]table.ColumnConfig{{Number: 5, WidthMax: 60, WidthMaxEnforcer: wrapping.WrapSoft}})
	for _, service := range stack.Status.Services {
		ready := "no"
		if service.Ready {
			ready = "yes"
		}
		services.AppendRow(table.Row{service.Name, ready, service.Image, service.URL, service.Message})
	}
	services.Render()
	fmt.Fprintln(w)
	conditions := newTable(w)
	conditions.AppendHeader(table.Row{"Condition", "Status", "Reason", "Since", "Message"})
	conditions.SetColumnConfigs([]table.ColumnConfig{{Number: 5, WidthMax: 80, WidthMaxEnforcer: wrapping.WrapSoft}})
	for _, condition := range stack.Status.Conditions {
		conditions.AppendRow(table.Row{condition.Type, condition.Status, condition.Reason, humanize.Time(condition.LastTransitionTime.Time), condition.Message})
	}
	conditions.Render()
}

func newStackDiffCommand(options *stackOptions) *cobra.Command {
	var file string
	var summary bool
	command := &cobra.Command{
		Use:   "diff -f FILE",
		Short: "Show what applying a FountainStack would change; nothing is changed",
		Long: `Show what would become of every object if the FountainStacks of a file (or of the
standard input, -f -) were applied: a dry run of each in the API server, with the
rights of the person who asks. Values of Secrets are not shown. Like kubectl diff it
ends with status 0 if nothing would change, 1 if something would, and 2 if something
is refused or fails.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			cluster, err := stackctl.Connect(options.kubeconfig, options.context, options.namespace)
			if err != nil {
				return withStatus{err, 2}
			}
			return stackDiff(command.Context(), command.InOrStdin(), command.OutOrStdout(), command.ErrOrStderr(), cluster, file, summary, options.json)
		},
	}
	command.Flags().StringVarP(&file, "filename", "f", "", "file with the FountainStacks; - is the standard input")
	command.Flags().BoolVar(&summary, "summary", false, "only the table, not the lines that differ")
	cobra.CheckErr(command.MarkFlagRequired("filename"))
	return command
}

func stackDiff(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, cluster *stackctl.Cluster, path string, summary, asJSON bool) error {
	source := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return withStatus{err, 2}
		}
		defer func() { _ = file.Close() }()
		source = file
	}
	stacks, err := stackctl.Read(source)
	if err != nil {
		return withStatus{fmt.Errorf("%s: %w", path, err), 2}
	}
	var changes []stackctl.Change
	for _, stack := range stacks {
		bar := newProgress(stderr, "comparing "+stack.GetName())
		done := 0
		found, err := cluster.Diff(ctx, stack, func(n, all int) { bar.expect(all); bar.add(n - done); done = n })
		bar.finish()
		if err != nil {
			return withStatus{fmt.Errorf("%s: %w", stack.GetName(), err), 2}
		}
		changes = append(changes, found...)
	}
	if asJSON {
		err = json.NewEncoder(stdout).Encode(changes)
	} else {
		err = printChanges(stdout, changes, summary)
	}
	switch refused := stackctl.Refused(changes); {
	case err != nil:
		return withStatus{err, 2}
	case refused != nil:
		return withStatus{fmt.Errorf("refused: %w", refused), 2}
	case len(changes) > 0:
		return withStatus{nil, 1}
	}
	return nil
}

func printChanges(w io.Writer, changes []stackctl.Change, summary bool) error {
	if len(changes) == 0 {
		_, err := fmt.Fprintln(w, "Nothing would change.")
		return err
	}
	if !summary {
		for _, change := range changes {
			if change.Action == stackctl.Update {
				fmt.Fprintln(w, change.Diff)
			}
		}
	}
	t := newTable(w)
	t.AppendHeader(table.Row{"Action", "Kind", "Namespace", "Name", "Why"})
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 5, WidthMax: 80, WidthMaxEnforcer: wrapping.WrapSoft}})
	for _, change := range changes {
		t.AppendRow(table.Row{change.Action, change.Kind, change.Namespace, change.Name, change.Reason})
	}
	t.Render()
	_, err := fmt.Fprintf(w, "%d to create, %d to update, %d to delete, %d to retain, %d refused\n",
		stackctl.Count(changes, stackctl.Create), stackctl.Count(changes, stackctl.Update), stackctl.Count(changes, stackctl.Delete),
		stackctl.Count(changes, stackctl.Release), stackctl.Count(changes, stackctl.Refuse))
	return err
}
