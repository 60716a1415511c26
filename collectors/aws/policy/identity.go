package policy

import (
	"slices"
	"strings"
)

// Rights is what the policies of a user, group, role or permission set allow
// together, within a boundary.
type Rights struct {
	Policies []Document
	// Boundary is the permissions boundary, nil if there is none.
	Boundary *Document
}

// anyAction stands for the actions that only a statement about all of them allows.
const anyAction = "unlisted:Action"

// Admin reports that everything is allowed on everything, or all but a few things
// that an administrator can give back: what is left out must not be IAM itself.
// Conditions of what is allowed are not counted: a second factor, an hour or a
// region make no other rights.
func (r Rights) Admin() bool {
	return r.allowed(anyAction, nil) && r.Escalation() != ""
}

// Escalation returns the actions by which the holder can give itself every right,
// such as "iam:CreatePolicyVersion", or "" if there are none that it would need
// no particular resource for.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html
func (r Rights) Escalation() string {
	for _, e := range escalations {
		if r.allowsAll(e) {
			return strings.Join(e.actions, " and ")
		}
	}
	return ""
}

// escalation is a set of actions that together make an administrator.
type escalation struct {
	actions []string
	// self: it is enough to be allowed the first action on oneself.
	self bool
	// service is whom a role is passed to, where that is the way.
	service string
	// named: only a statement that names the service counts. In most accounts
	// Identity Center is not at home, and to allow its actions along with all others
	// gives nothing there.
	named bool
}

// escalations are the known ways from some rights to all.
// https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/
var escalations = []escalation{
	{actions: []string{"iam:AttachUserPolicy"}, self: true},
	{actions: []string{"iam:PutUserPolicy"}, self: true},
	{actions: []string{"iam:AttachRolePolicy"}},
	{actions: []string{"iam:PutRolePolicy"}},
	{actions: []string{"iam:AttachGroupPolicy"}},
	{actions: []string{"iam:PutGroupPolicy"}},
	{actions: []string{"iam:AddUserToGroup"}},
	{actions: []string{"iam:CreatePolicyVersion"}},
	{actions: []string{"iam:SetDefaultPolicyVersion"}},
	{actions: []string{"iam:UpdateAssumeRolePolicy"}},
	{actions: []string{"iam:CreateAccessKey"}},
	{actions: []string{"iam:CreateLoginProfile"}},
	{actions: []string{"iam:UpdateLoginProfile"}},
	{actions: []string{"sso:AttachManagedPolicyToPermissionSet"}, named: true},
	{actions: []string{"sso:PutInlinePolicyToPermissionSet"}, named: true},
	{actions: []string{"sso:CreateAccountAssignment"}, named: true},
	passing("ec2.amazonaws.com", "ec2:RunInstances"),
	passing("lambda.amazonaws.com", "lambda:CreateFunction", "lambda:InvokeFunction"),
	passing("lambda.amazonaws.com", "lambda:CreateFunction", "lambda:AddPermission"),
	passing("lambda.amazonaws.com", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"),
	passing("cloudformation.amazonaws.com", "cloudformation:CreateStack"),
	passing("glue.amazonaws.com", "glue:CreateDevEndpoint"),
	passing("glue.amazonaws.com", "glue:CreateJob", "glue:StartJobRun"),
	passing("codebuild.amazonaws.com", "codebuild:CreateProject", "codebuild:StartBuild"),
	passing("datapipeline.amazonaws.com", "datapipeline:CreatePipeline", "datapipeline:PutPipelineDefinition"),
	passing("sagemaker.amazonaws.com", "sagemaker:CreateNotebookInstance", "sagemaker:CreatePresignedNotebookInstanceUrl"),
	passing("sagemaker.amazonaws.com", "sagemaker:CreateTrainingJob"),
	passing("sagemaker.amazonaws.com", "sagemaker:CreateProcessingJob"),
	passing("ecs-tasks.amazonaws.com", "ecs:RegisterTaskDefinition", "ecs:RunTask"),
	passing("ecs-tasks.amazonaws.com", "ecs:RegisterTaskDefinition", "ecs:CreateService"),
	passing("ssm.amazonaws.com", "ssm:StartAutomationExecution"),
	passing("states.amazonaws.com", "states:CreateStateMachine", "states:StartExecution"),
	passing("ec2.amazonaws.com", "autoscaling:CreateLaunchConfiguration", "autoscaling:CreateAutoScalingGroup"),
}

const passRole = "iam:PassRole"

// passing is the way of giving a privileged role to a service, and having it work for oneself.
func passing(service string, actions ...string) escalation {
	return escalation{actions: append([]string{passRole}, actions...), service: service}
}

func (r Rights) allowsAll(e escalation) bool {
	return !slices.ContainsFunc(e.actions, func(action string) bool {
		return !r.allowed(action, func(s Statement) bool {
			return s.broad(action, e.self) && s.passesTo(action, e.service) && (!e.named || s.names(action))
		})
	})
}

// allowed reports whether a statement that suits allows an action, none denies it
// altogether, and the boundary has it too.
func (r Rights) allowed(action string, suits func(Statement) bool) bool {
	if suits == nil {
		suits = func(s Statement) bool { return s.broad(action, false) }
	}
	if r.Boundary != nil && !allows([]Document{*r.Boundary}, action, suits) {
		return false
	}
	return allows(r.Policies, action, suits)
}

func allows(policies []Document, action string, suits func(Statement) bool) bool {
	allowed := false
	for _, d := range policies {
		for _, s := range d.Statement {
			switch {
			case !s.onAction(action):
			case s.Effect == deny && len(s.Condition) == 0 && s.broad(action, false):
				return false
			case s.Effect == allow && !s.tagged() && suits(s):
				allowed = true
			}
		}
	}
	return allowed
}

// tagged reports a statement that is only about resources with some tag, and so
// not about everything.
func (s Statement) tagged() bool {
	for operator, keys := range s.Condition {
		base, holdsWithout := plainOperator(operator)
		for key, vs := range keys {
			ofResource := strings.Contains(strings.ToLower(key), ":resourcetag/")
			if ofResource && !holdsWithout && !negated(base) && base != "null" && literal(vs, strings.HasSuffix(base, "like")) == narrow {
				return true
			}
		}
	}
	return false
}

// names reports a statement that names the service of an action, and not all of them.
func (s Statement) names(action string) bool {
	service, _, _ := strings.Cut(action, ":")
	return slices.ContainsFunc(s.Action, func(a string) bool { return strings.HasPrefix(strings.ToLower(a), service+":") })
}

// broad reports a statement about all resources that an action can be on, or so
// many that a privileged one is among them. Self says that the holder's own user
// is enough.
func (s Statement) broad(action string, self bool) bool {
	if len(s.Resource) == 0 {
		return len(s.NotResource) > 0 && !slices.ContainsFunc(s.NotResource, func(r string) bool { return broadly(r, action, false) })
	}
	return slices.ContainsFunc(s.Resource, func(r string) bool { return broadly(r, action, self) })
}

// broadly reports a pattern that all resources of an action match: "*", ARNs of
// wildcards, and of IAM all entities of the type, as in "arn:aws:iam::*:role/*".
func broadly(pattern, action string, self bool) bool {
	if self && strings.Contains(pattern, "${aws:username}") || strings.Trim(pattern, "*") == "" {
		return true
	}
	fields := strings.SplitN(pattern, ":", 6)
	if len(fields) < 6 {
		return strings.HasPrefix(pattern, "arn:") && strings.HasSuffix(pattern, "*") && len(fields) <= 3
	}
	service, _, _ := strings.Cut(action, ":")
	if fields[2] != "*" && !strings.EqualFold(fields[2], service) {
		return false
	}
	rest := fields[5]
	if i := strings.LastIndexByte(rest, '/'); i >= 0 && !strings.HasPrefix(rest, "*") {
		rest = rest[i+1:]
		if strings.Count(fields[5], "/") > 1 && strings.Trim(rest, "*") == "" {
			return false // of one path
		}
	}
	return strings.Trim(rest, "*") == "" && rest != ""
}

// passesTo reports whether a statement about iam:PassRole lets a role be passed to a
// service; of other actions it is true.
func (s Statement) passesTo(action, service string) bool {
	if action != passRole || service == "" {
		return true
	}
	for operator, keys := range s.Condition {
		base, _ := plainOperator(operator)
		for key, vs := range keys {
			if !strings.EqualFold(key, "iam:PassedToService") || base == "null" {
				continue
			}
			named := slices.ContainsFunc(vs, func(v string) bool { return Like(v, service) || strings.HasPrefix(v, service) })
			if named == negated(base) {
				return false
			}
		}
	}
	return true
}
