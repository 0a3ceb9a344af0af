;;; streaming-code-generator.el --- Stream generated code into a buffer  -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1") (eglot "1.9"))
;; Keywords: convenience, languages, tools
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; A client for the language server streaming-code-generator: it writes what a
;; model generates into the buffer while you go on typing.
;;
;; `streaming-code-generator-install' installs the server from this checkout.
;;
;; `streaming-code-generator-generate' asks for a prompt and writes at point, or
;; over the region.  `streaming-code-generator-generate-from-comment' takes the
;; comment at or above point as the prompt.  Either starts the server where the
;; buffer has none.  What to do with a generation:
;; `streaming-code-generator-cancel', `-accept', `-remove' and `-retry'.
;; `streaming-code-generator-status' says what it all cost.
;;
;; Eglot does the talking.  On top of it, for this server only:
;;
;; - Commands are answered at once, and the text comes in the background: a
;;   command that waits for its answer would block Emacs.
;; - The server's edits are made without asking.  One that is for an older text
;;   is refused with the reason, and the server sends it again in its new place.
;; - Changes are sent as soon as Emacs is idle, and at once after each edit of
;;   the server's: until it knows the text, it cannot send its next edit.
;; - One `undo' takes back a generation, however many edits it came in.  If you
;;   change the buffer meanwhile, each stretch between your changes is a step of
;;   its own, so that undoing never takes your text with it.
;; - The server is told which changes are undo and redo: undoing text of a running
;;   generation takes it back, deleting text is only that.

;;; Code:

(require 'cl-lib)
(require 'eglot)
(require 'subr-x)
(require 'streaming-code-generator-install
         ;; Beside this file, also where that is loaded by its name.
         (expand-file-name "streaming-code-generator-install"
                           (file-name-directory (macroexp-file-name))))

(defgroup streaming-code-generator nil
  "Stream generated code into a buffer."
  :group 'tools
  :prefix "streaming-code-generator-")

(defcustom streaming-code-generator-command nil
  "Program and arguments that start the server.
If nil, the server that `streaming-code-generator-install' has installed is
started, or else the program `streaming-code-generator' on the variable
`exec-path'."
  :type '(choice (const :tag "Find it" nil) (repeat string)))

(defcustom streaming-code-generator-settings nil
  "The server's settings, as a property list of their names in camelCase.
For example (:model \"qwen2.5-coder\" :baseUrl \"http://127.0.0.1:8080/v1\").
They are sent when the server starts.  The key of an endpoint does not belong
here: the server reads it from the environment."
  :type 'plist
  :risky t)

(defconst streaming-code-generator--log-buffer "*streaming-code-generator*"
  "Name of the buffer with what the server logs.")

(defconst streaming-code-generator--timeout-seconds 150
  "How long the server may take to answer a command.
Longer than it waits itself for you to say whether to go beyond a budget.")

(defconst streaming-code-generator--start-seconds 10
  "How long a command waits for a server that it has started.")

(defvar-local streaming-code-generator--progress nil
  "What the mode line shows of the generation that runs in this buffer.")

(defvar-local streaming-code-generator--progress-token nil
  "What the server calls the progress of the generation begun last here.")

(defvar-local streaming-code-generator--undo-group nil
  "The undo step that the server's edits go into, as (CHANGE-GROUP . TICK).
TICK tells whether the buffer was changed since its last edit.")

(defvar-local streaming-code-generator--change-kind nil
  "What the changes are that Eglot still holds back: undo, redo or neither (nil).")

(defclass streaming-code-generator-server (eglot-lsp-server)
  ((ended
    :initform nil
    :accessor streaming-code-generator--ended
    :documentation "The ids of the generations whose end was shown."))
  :documentation "The language server streaming-code-generator.")


;;; Starting

(defun streaming-code-generator--contact (&optional _interactive)
  "Return how to start the server, for `eglot-server-programs'."
  (cons 'streaming-code-generator-server
        (or streaming-code-generator-command
            (list (streaming-code-generator--program) "serve" "--stdio"))))

(defun streaming-code-generator--program ()
  "Return the server's program: the installed one, or else that on the path."
  (or (streaming-code-generator--installed)
      (executable-find "streaming-code-generator")
      (user-error "There is no server yet: %s"
                  "M-x streaming-code-generator-install installs it")))

;;;###autoload
(defun streaming-code-generator-register (&rest modes)
  "Have Eglot start this server for the major MODES.
Each mode gets an entry of its own: Eglot 1.9 tells a server of one language
only, that of the buffer it was started from."
  (dolist (mode modes)
    (setf (alist-get mode eglot-server-programs)
          #'streaming-code-generator--contact)))

;;;###autoload
(defun streaming-code-generator-start ()
  "Start the server for the current buffer, whatever Eglot would start for it.
Eglot has one server for a buffer: if another one runs, you are asked."
  (interactive)
  (unless buffer-file-name
    (user-error "Eglot serves files only: save this buffer first"))
  (let ((current-prefix-arg nil)
        (eglot-server-programs
         (list (cons major-mode #'streaming-code-generator--contact))))
    (call-interactively #'eglot)))

(defun streaming-code-generator--running ()
  "Return the buffer's server if it is this one, else nil."
  (let ((server (eglot-current-server)))
    (and server
         (cl-typep server 'streaming-code-generator-server)
         server)))

(defun streaming-code-generator--server ()
  "Return the buffer's server; start it if the buffer has none."
  (or (streaming-code-generator--running)
      (and (eglot-current-server)
           (user-error "%s" (substitute-command-keys
                             "This buffer has another server, and Eglot takes \
one only: see \\[streaming-code-generator-start]")))
      (progn
        (streaming-code-generator-start)
        (streaming-code-generator--wait-for-start))
      (user-error "The server does not answer yet: see %s"
                  "`eglot-events-buffer', and try again")))

(defun streaming-code-generator--wait-for-start ()
  "Wait until the buffer's server is ready; return it, or nil if it takes long.
Eglot waits too (`eglot-sync-connect'), but version 1.9 only until any process
says anything."
  (with-timeout (streaming-code-generator--start-seconds)
    (while (not (streaming-code-generator--running))
      (accept-process-output nil 0.05))
    (streaming-code-generator--running)))

(cl-defmethod eglot-initialization-options
  ((_server streaming-code-generator-server))
  "Announce that generations may be reported, and send the settings.
This is asked for at each start, so here is told if an update is due."
  (when (and (null streaming-code-generator-command)
             (streaming-code-generator--installed))
    (streaming-code-generator--tell-if-outdated))
  (append '(:generationUpdates t :undoNotifications t)
          streaming-code-generator-settings))

(defun streaming-code-generator--managed ()
  "Set up a buffer that this server has begun to manage, or has left."
  (if (and (eglot-managed-p) (streaming-code-generator--running))
      (progn
        (setq-local eglot-send-changes-idle-time 0)
        ;; Before Eglot's own, which takes note of the coming change.
        (add-hook 'before-change-functions
                  #'streaming-code-generator--before-change -50 t))
    (kill-local-variable 'eglot-send-changes-idle-time)
    (remove-hook 'before-change-functions
                 #'streaming-code-generator--before-change t)
    (setq streaming-code-generator--progress nil)))

(add-hook 'eglot-managed-mode-hook #'streaming-code-generator--managed)

(add-to-list 'mode-line-misc-info
             '(streaming-code-generator--progress
               (" [" streaming-code-generator--progress "] ")))


;;; What the server sends

(defun streaming-code-generator--buffer (server uri)
  "Return the buffer that SERVER knows as URI, or nil."
  (cl-find-if (lambda (buffer)
                (and (buffer-live-p buffer)
                     (with-current-buffer buffer
                       (equal (plist-get (eglot--TextDocumentIdentifier) :uri)
                              uri))))
              (eglot--managed-buffers server)))

(defun streaming-code-generator--refusal (reason)
  "Return the answer to an edit that was not made because of REASON."
  (list :applied :json-false :failureReason reason))

(defun streaming-code-generator--in-undo-group (make-edit)
  "Call MAKE-EDIT, as one undo step with the edits before it.
If the buffer was changed otherwise since the last one, a new step begins."
  (unless (eq (cdr streaming-code-generator--undo-group)
              (buffer-chars-modified-tick))
    (undo-boundary)
    (setq streaming-code-generator--undo-group (list (prepare-change-group))))
  (funcall make-edit)
  (undo-amalgamate-change-group (car streaming-code-generator--undo-group))
  (setcdr streaming-code-generator--undo-group (buffer-chars-modified-tick))
  ;; Besides ending the step, this says that no letter typed now is to be joined
  ;; with the letters before the edit, which would take the edit along.
  (undo-boundary))

(defun streaming-code-generator--edit-buffer (edits version)
  "Make EDITS, which are for VERSION of the current buffer.
Return nil, or the answer that refuses them."
  (save-restriction
    (widen)
    ;; First what was typed: newer versions of Eglot count a change in the
    ;; version only once it is sent, and would put the edits somewhere else.
    (eglot--signal-textDocument/didChange)
    (condition-case problem
        (let ((inhibit-message t)
              (message-log-max nil))
          (streaming-code-generator--in-undo-group
           (lambda () (eglot--apply-text-edits edits version)))
          (eglot--signal-textDocument/didChange)
          nil)
      (error
       (streaming-code-generator--refusal (error-message-string problem))))))

(defun streaming-code-generator--apply (server document-edit)
  "Make one DOCUMENT-EDIT of SERVER's.
Return nil, or the answer that refuses it."
  (let* ((document (plist-get document-edit :textDocument))
         (buffer (streaming-code-generator--buffer
                  server (plist-get document :uri))))
    (if buffer
        (with-current-buffer buffer
          (streaming-code-generator--edit-buffer
           (plist-get document-edit :edits) (plist-get document :version)))
      (streaming-code-generator--refusal "The file is not open in Emacs."))))

(cl-defmethod eglot-handle-request
  ((server streaming-code-generator-server)
   (_method (eql 'workspace/applyEdit)) &key edit &allow-other-keys)
  "Make EDIT of SERVER's without asking, and say honestly whether it was made."
  (or (cl-some (lambda (document-edit)
                 (streaming-code-generator--apply server document-edit))
               (plist-get edit :documentChanges))
      '(:applied t)))

(cl-defmethod eglot-handle-request
  ((_server streaming-code-generator-server)
   (_method (eql 'window/showMessageRequest)) &key message actions
   &allow-other-keys)
  "Ask MESSAGE, with ACTIONS for answers; to quit is an answer too, namely none.
Eglot's own handler would leave the server waiting then."
  (let* ((titles (mapcar (lambda (action) (plist-get action :title)) actions))
         (chosen (condition-case nil
                     (completing-read (concat message " ") titles nil t)
                   (quit nil))))
    (and (member chosen titles)
         (list :title chosen))))

(defun streaming-code-generator--take-end (server id message)
  "Show MESSAGE, the end of the generation ID of SERVER's, unless it was shown.
The server tells of an ended generation again whenever its text moves.
Return non-nil if this was the first time."
  (unless (member id (streaming-code-generator--ended server))
    (push id (streaming-code-generator--ended server))
    (message "Code generation: %s" message)
    t))

(cl-defmethod eglot-handle-notification
  ((server streaming-code-generator-server)
   (_method (eql 'streamingCodeGenerator/didUpdateGeneration))
   &key id uri state message &allow-other-keys)
  "Show STATE and MESSAGE of the generation ID in SERVER's document URI."
  (let* ((runs (member state '("queued" "running")))
         (ends (and (not runs)
                    (or (equal state "forgotten")
                        (streaming-code-generator--take-end
                         server id message))))
         (buffer (streaming-code-generator--buffer server uri)))
    (when (and buffer (or runs ends))
      (with-current-buffer buffer
        (setq streaming-code-generator--progress (and runs message))
        (when ends
          (setq streaming-code-generator--undo-group nil))
        (force-mode-line-update)))))

(cl-defmethod eglot-handle-notification
  ((server streaming-code-generator-server)
   (_method (eql '$/progress)) &key token value &allow-other-keys)
  "Show VALUE, the progress TOKEN of SERVER's, which counts down waits too."
  (let ((buffer (cl-find token (eglot--managed-buffers server)
                         :key (lambda (buffer)
                                (buffer-local-value
                                 'streaming-code-generator--progress-token
                                 buffer))
                         :test #'equal)))
    (if (not buffer)
        (cl-call-next-method)
      (with-current-buffer buffer
        (when streaming-code-generator--progress
          (setq streaming-code-generator--progress (plist-get value :message))
          (force-mode-line-update))))))

(cl-defmethod eglot-handle-notification
  ((_server streaming-code-generator-server)
   (_method (eql 'window/logMessage)) &key message &allow-other-keys)
  "Keep MESSAGE in the log buffer."
  (with-current-buffer
      (get-buffer-create streaming-code-generator--log-buffer)
    (unless (derived-mode-p 'special-mode)
      (special-mode))
    (save-excursion
      (let ((inhibit-read-only t))
        (goto-char (point-max))
        (insert message "\n")))))


;;; What is undone

(defun streaming-code-generator--kind-of-change ()
  "Return \"undo\" or \"redo\" if the coming change is one, else nil.
All that takes changes back binds `undo-in-progress', packages too.  It is redo
where a command of that name runs, or plain `undo' takes back an undo."
  (when undo-in-progress
    (if (or (and (symbolp this-command)
                 (string-suffix-p "redo" (symbol-name this-command)))
            (and (not undo-no-redo)
                 (gethash pending-undo-list undo-equiv-table)))
        "redo"
      "undo")))

(defun streaming-code-generator--before-change (_beg _end)
  "Send what is held back if it is of another kind than the coming change."
  (let ((kind (streaming-code-generator--kind-of-change)))
    (unless (equal kind streaming-code-generator--change-kind)
      ;; An error, as of a server that is just gone, would take this hook and
      ;; Eglot's off the buffer.
      (ignore-errors (eglot--signal-textDocument/didChange)))
    (setq streaming-code-generator--change-kind kind)))

(cl-defmethod jsonrpc-connection-send :before
  ((server streaming-code-generator-server)
   &key method params &allow-other-keys)
  "Tell SERVER first if METHOD, with PARAMS, reports an undo or a redo."
  (when (eq method :textDocument/didChange)
    (let ((kind streaming-code-generator--change-kind))
      (setq streaming-code-generator--change-kind nil)
      (when kind
        (jsonrpc-notify server :streamingCodeGenerator/didUndo
                        (list :textDocument (plist-get params :textDocument)
                              :kind kind))))))


;;; What is sent to the server

(defun streaming-code-generator--execute (server command arguments said)
  "Have SERVER execute COMMAND with ARGUMENTS, a property list.
The answer is given to SAID, a function; Emacs does not wait for it."
  (eglot--signal-textDocument/didChange)
  (jsonrpc-async-request
   server :workspace/executeCommand
   (list :command (concat "streamingCodeGenerator." command)
         :arguments (vector (or arguments (make-hash-table))))
   :success-fn said
   :error-fn (lambda (problem)
               (message "Code generation: %s" (plist-get problem :message)))
   :timeout-fn (lambda ()
                 (message "Code generation: the server does not answer"))
   :timeout streaming-code-generator--timeout-seconds))

(defun streaming-code-generator--new-progress ()
  "Return arguments with which a generation's progress comes to this buffer."
  (setq streaming-code-generator--progress-token
        (symbol-name (gensym "streaming-code-generator-progress-")))
  (list :wait :json-false :workDoneToken streaming-code-generator--progress-token))

(defun streaming-code-generator--generate (prompt profile where)
  "Have code generated for PROMPT by PROFILE; WHERE, a property list, is the place.
If PROMPT is nil, the server takes the selection or the comment for one; without
PROFILE it does as is set."
  (streaming-code-generator--execute
   (streaming-code-generator--server) "generate"
   (append (list :textDocument (eglot--TextDocumentIdentifier))
           (streaming-code-generator--new-progress)
           where
           (and prompt (list :prompt prompt))
           (and profile (list :profile profile)))
   (streaming-code-generator--say "started")))

(defun streaming-code-generator--read-profile ()
  "Ask for one of the profiles that the server knows; start it if need be."
  (let* ((server (streaming-code-generator--server))
         (status (jsonrpc-request
                  server :workspace/executeCommand
                  '(:command "streamingCodeGenerator.status" :arguments [])))
         (profiles (append (plist-get status :profiles) nil)))
    (unless profiles
      (user-error "No profiles are set: give `streaming-code-generator-settings' %s"
                  "some as :profiles"))
    (completing-read "Profile: " profiles nil t)))

(defun streaming-code-generator--say (text)
  "Return a function that takes an answer and show TEXT then."
  (lambda (_answer) (message "Code generation: %s" text)))

(defun streaming-code-generator--here ()
  "Return which generation a command means: the last one of this buffer."
  (list :uri (plist-get (eglot--TextDocumentIdentifier) :uri)))

(defun streaming-code-generator--running-or-lose ()
  "Return the buffer's server, which must be running."
  (or (streaming-code-generator--running)
      (user-error "No generation: the server does not run for this buffer")))

;;;###autoload
(defun streaming-code-generator-generate (prompt &optional beg end profile)
  "Have the model's code for PROMPT written at point.
If there is an active region, from BEG to END, it is replaced; an empty PROMPT
then means that the region itself says what to generate.  With a prefix argument
you are asked which of the server's profiles is to generate: PROFILE."
  (interactive
   (let ((profile (progn
                    ;; Where it cannot start, no prompt is typed in vain.
                    (streaming-code-generator--server)
                    (and current-prefix-arg
                         (streaming-code-generator--read-profile))))
         (prompt (read-string (if (use-region-p)
                                  "Replace the region by: "
                                "Generate: "))))
     (if (use-region-p)
         (list prompt (region-beginning) (region-end) profile)
       (list prompt nil nil profile))))
  (streaming-code-generator--server)
  (deactivate-mark)
  (streaming-code-generator--generate
   (and (not (string-blank-p prompt)) prompt)
   profile
   (if (and beg end)
       (list :range (list :start (eglot--pos-to-lsp-position beg)
                          :end (eglot--pos-to-lsp-position end)))
     (list :position (eglot--pos-to-lsp-position (point))))))

;;;###autoload
(defun streaming-code-generator-generate-from-comment (&optional profile)
  "Write what the comment at or above point asks for, below it.
With a prefix argument you are asked which of the server's profiles is to
generate: PROFILE."
  (interactive (list (and current-prefix-arg
                          (streaming-code-generator--read-profile))))
  (streaming-code-generator-generate "" nil nil profile))

(defun streaming-code-generator-cancel (&optional everywhere)
  "Cancel what is being generated in this buffer; its text so far stays.
With a prefix argument, or if EVERYWHERE is non-nil, cancel all generations of
this buffer's server."
  (interactive "P")
  (streaming-code-generator--execute
   (streaming-code-generator--running-or-lose) "cancel"
   (and (not everywhere) (streaming-code-generator--here))
   (lambda (answer)
     (when (seq-empty-p (plist-get answer :ids))
       (message (if everywhere
                    "No generation runs"
                  "No generation runs in this buffer"))))))

(defun streaming-code-generator-remove ()
  "Take the last generated code out again, and put back what it replaced.
Unlike `undo', this leaves alone what was changed since."
  (interactive)
  (streaming-code-generator--execute
   (streaming-code-generator--running-or-lose) "remove"
   (streaming-code-generator--here)
   (streaming-code-generator--say "removed")))

(defun streaming-code-generator-accept ()
  "Keep the last generated code; the server stops following it."
  (interactive)
  (streaming-code-generator--execute
   (streaming-code-generator--running-or-lose) "accept"
   (streaming-code-generator--here)
   (streaming-code-generator--say "accepted")))

(defun streaming-code-generator-retry ()
  "Take the last generated code out, and generate again with the same request."
  (interactive)
  (streaming-code-generator--execute
   (streaming-code-generator--running-or-lose) "retry"
   (append (streaming-code-generator--here)
           (streaming-code-generator--new-progress))
   (streaming-code-generator--say "started")))

(defun streaming-code-generator-status ()
  "Say how many generations run, and what this session and today came to.
What is estimated is marked with an approximate sign."
  (interactive)
  (streaming-code-generator--execute
   (streaming-code-generator--running-or-lose) "status" nil
   (lambda (status)
     (let ((usage (plist-get status :usage)))
       (message "Code generation: %d running\nsession: %s\ntoday: %s"
                (length (plist-get status :running))
                (plist-get (plist-get usage :session) :summary)
                (or (plist-get (plist-get usage :today) :summary)
                    "not known, the ledger cannot be read"))))))

(defun streaming-code-generator-show-log ()
  "Show the whole responses, the totals and the warnings of the server."
  (interactive)
  (display-buffer
   (or (get-buffer streaming-code-generator--log-buffer)
       (user-error "The server has logged nothing yet"))))

(provide 'streaming-code-generator)
;;; streaming-code-generator.el ends here
