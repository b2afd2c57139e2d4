# Runs a function or a program of Ruby on cases, each in a process of its own, and writes what came of each.
require 'json'
require 'rbconfig'
require 'tmpdir'

OUT = '/sluice/out/code.json'
MOST = 1 << 20
SPEC = JSON.parse(ENV.fetch('SLUICE_CODE'))

def call_it(args)
  begin
    load File.expand_path(SPEC['file'])
    run = method(SPEC['function'].to_sym)
  rescue Exception => error
    return { 'load' => "#{error.class}: #{error.message}" }
  end
  begin
    { 'value' => run.call(*args) }
  rescue Exception => error
    names = error.class.ancestors.select { |one| one.is_a?(Class) && one <= Exception }
    { 'error' => names.map(&:name), 'message' => error.message }
  end
end

def read(path)
  File.exist?(path) ? (+File.read(path, MOST).to_s).force_encoding('UTF-8').scrub : ''
end

def one(at, given)
  Dir.mktmpdir do |folder|
    input, said, wrong, result = %w[in out err result].map { |name| File.join(folder, name) }
    File.write(input, given['stdin'].to_s)
    argv = SPEC['function'].nil? ? [SPEC['file']] : [__FILE__, at.to_s]
    child = Process.spawn({ 'SLUICE_CODE_RESULT' => result }, RbConfig.ruby, *argv,
                          in: input, out: said, err: wrong, pgroup: true)
    waiting = Process.detach(child)
    status = waiting.join(SPEC['timeout_seconds'])&.value
    begin
      Process.kill(:KILL, -child)
    rescue Errno::ESRCH
      nil
    end
    waiting.join
    answer = begin
      JSON.parse(read(result))
    rescue JSON::ParserError
      nil
    end
    { 'timed_out' => status.nil?, 'exit_code' => status&.exitstatus, 'stdout' => read(said),
      'stderr' => read(wrong)[-4000..] || read(wrong), 'answer' => answer }
  end
end

if ARGV.empty?
  seen = SPEC['cases'].each_with_index.map { |given, at| one(at, given) }
  File.write(OUT, JSON.generate('cases' => seen))
  puts "#{seen.length} cases were run"
else
  answer = call_it(SPEC['cases'][ARGV[0].to_i]['args'] || [])
  File.write(ENV.fetch('SLUICE_CODE_RESULT'), JSON.generate(answer))
end
